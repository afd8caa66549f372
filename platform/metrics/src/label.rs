//! Labels as closed sets: a value is a variant, and a combination of values is an index.

/// A label: one of a closed set of values.
pub trait Label: Copy + 'static {
    /// Its name.
    const NAME: &'static str;
    /// Every value that it can have.
    const VALUES: &'static [&'static str];

    /// Where its value is in [`Self::VALUES`].
    fn index(self) -> usize;
}

/// The labels of a metric: none, one, or several.
pub trait Labels: Copy + 'static {
    /// The names.
    const NAMES: &'static [&'static str];
    /// The values of each.
    const SETS: &'static [&'static [&'static str]];
    /// How many combinations there are.
    const COUNT: usize;

    /// Which combination this is, below [`Self::COUNT`]; the last label counts fastest.
    fn index(self) -> usize;
}

impl Labels for () {
    const NAMES: &'static [&'static str] = &[];
    const SETS: &'static [&'static [&'static str]] = &[];
    const COUNT: usize = 1;

    fn index(self) -> usize {
        0
    }
}

impl<A: Label, B: Label> Labels for (A, B) {
    const NAMES: &'static [&'static str] = &[A::NAME, B::NAME];
    const SETS: &'static [&'static [&'static str]] = &[A::VALUES, B::VALUES];
    const COUNT: usize = A::VALUES.len() * B::VALUES.len();

    fn index(self) -> usize {
        self.0.index() * B::VALUES.len() + self.1.index()
    }
}

impl<A: Label, B: Label, C: Label, D: Label> Labels for (A, B, C, D) {
    const NAMES: &'static [&'static str] = &[A::NAME, B::NAME, C::NAME, D::NAME];
    const SETS: &'static [&'static [&'static str]] = &[A::VALUES, B::VALUES, C::VALUES, D::VALUES];
    const COUNT: usize = <(A, B)>::COUNT * <(C, D)>::COUNT;

    fn index(self) -> usize {
        (self.0, self.1).index() * <(C, D)>::COUNT + (self.2, self.3).index()
    }
}

/// Declares labels. A set that ends in `Other` takes whatever text others bring.
macro_rules! labels {
    ($( $(#[$doc:meta])* $name:ident($label:literal) { $($variant:ident = $text:expr),+ $(,)? } )+) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the value says it")]
        pub enum $name { $($variant),+ }

        impl $name {
            /// The value with this text; the last one if there is none, which `other` is named for.
            pub fn of(text: &str) -> Self {
                const ALL: &[$name] = &[$($name::$variant),+];
                let found = <Self as $crate::Label>::VALUES.iter().position(|value| *value == text);
                ALL[found.unwrap_or(ALL.len() - 1)]
            }
        }

        impl $crate::Label for $name {
            const NAME: &'static str = $label;
            const VALUES: &'static [&'static str] = &[$($text),+];

            fn index(self) -> usize {
                self as usize
            }
        }

        impl $crate::Labels for $name {
            const NAMES: &'static [&'static str] = &[$label];
            const SETS: &'static [&'static [&'static str]] = &[<$name as $crate::Label>::VALUES];
            const COUNT: usize = <$name as $crate::Label>::VALUES.len();

            fn index(self) -> usize {
                self as usize
            }
        }
    )+ };
}

pub(crate) use labels;
