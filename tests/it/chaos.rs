//! A small run of the chaos tool, and what its checker must find.

use latchkey_chaos::{Plan, run};

#[tokio::test]
async fn orders_stay_right_while_the_process_is_killed() {
    let plan = Plan {
        binary: env!("CARGO_BIN_EXE_latchkey").into(),
        checkouts: 24,
        kills: 2,
        buyers: 4,
        seed: 7,
    };
    let report = run(&plan, |_| {}).await.unwrap();
    assert_eq!(report.kills, 2, "{report:#?}");
    assert!(report.accepted >= 12, "{report:#?}");
    assert_eq!(report.violations(), 0, "{report:#?}");
}
