//! Matrices: every combination is a cell, every cell is checked, and all failures are reported together.

use std::fmt::{Debug, Display};

/// Cells under one name. It must be ended, and a matrix without cells proves nothing.
pub struct Matrix {
    name: &'static str,
    cells: usize,
    failed: Vec<String>,
    ended: bool,
}

impl Matrix {
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            cells: 0,
            failed: Vec::new(),
            ended: false,
        }
    }

    /// How many cells there are so far.
    pub fn cells(&self) -> usize {
        self.cells
    }

    /// A cell: its label, its value and the expected value.
    pub fn cell<T: PartialEq + Debug>(&mut self, label: impl Display, got: T, expected: T) {
        let holds = got == expected;
        self.hold(label, holds, format_args!("{got:?}, not {expected:?}"));
    }

    /// A cell that holds or not; `otherwise` is what was seen.
    pub fn hold(&mut self, label: impl Display, holds: bool, otherwise: impl Debug) {
        self.cells += 1;
        if !holds {
            self.failed.push(format!("{label}: {otherwise:?}"));
        }
    }

    /// Prints the number of cells, and fails with all that did not hold.
    pub fn end(mut self) {
        self.ended = true;
        println!("{}: {} cells", self.name, self.cells);
        assert!(self.cells > 0, "{} has no cells", self.name);
        assert!(
            self.failed.is_empty(),
            "{}: {} of {} cells failed:\n  {}",
            self.name,
            self.failed.len(),
            self.cells,
            self.failed.join("\n  ")
        );
    }
}

impl Drop for Matrix {
    fn drop(&mut self) {
        if !self.ended && !std::thread::panicking() {
            panic!("{} was never ended", self.name);
        }
    }
}

#[test]
#[should_panic(expected = "2 of 3 cells failed:\n  a × c: 2, not 3\n  a × d: \"seen\"")]
fn a_matrix_tells_every_cell_that_fails() {
    let mut matrix = Matrix::new("a × b");
    matrix.cell("a × b", 1, 1);
    matrix.cell("a × c", 2, 3);
    matrix.hold("a × d", false, "seen");
    matrix.end();
}

#[test]
#[should_panic(expected = "no cells")]
fn a_matrix_without_cells_proves_nothing() {
    Matrix::new("nothing").end();
}

#[test]
#[should_panic(expected = "never ended")]
fn a_matrix_that_is_not_ended_fails() {
    Matrix::new("forgotten").cell("a", 1, 2);
}
