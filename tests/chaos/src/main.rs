//! `cargo xtask chaos`

use std::process::ExitCode;

use latchkey_chaos::{Plan, Report};

const USAGE: &str =
    "usage: latchkey-chaos BINARY [--checkouts N] [--kills K] [--buyers B] [--seed S] [--json]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    let Some(plan) = plan(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    match runtime.block_on(latchkey_chaos::run(&plan, |said| eprintln!("{said}"))) {
        Ok(report) if json => {
            println!("{}", as_json(&plan, &report));
            code(&report)
        }
        Ok(report) => {
            print(&plan, &report);
            code(&report)
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn plan(arguments: &[String]) -> Option<Plan> {
    let mut words = arguments.iter().filter(|word| *word != "--json");
    let mut plan = Plan {
        binary: words.next()?.into(),
        checkouts: 1_000,
        kills: 30,
        buyers: 16,
        seed: 1,
        calm: false,
        core: None,
    };
    while let Some(word) = words.next() {
        let number: u64 = words.next()?.parse().ok()?;
        let size = usize::try_from(number).ok()?;
        match word.as_str() {
            "--checkouts" => plan.checkouts = size,
            "--kills" => plan.kills = size,
            "--buyers" => plan.buyers = size.max(1),
            "--seed" => plan.seed = number,
            _ => return None,
        }
    }
    Some(plan)
}

fn code(report: &Report) -> ExitCode {
    match report.violations() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn print(plan: &Plan, report: &Report) {
    println!(
        "{} orders tried by {} buyers, {} kills, seed {}: {} acknowledged in {:.0} s ({:.1}/s), {} requests repeated",
        plan.checkouts,
        plan.buyers,
        report.kills,
        plan.seed,
        report.accepted,
        report.took.as_secs_f64(),
        report.accepted as f64 / report.took.as_secs_f64(),
        report.repeated
    );
    for (code, times) in &report.refused {
        println!("  refused: {times} {code}");
    }
    for (state, times) in &report.ended {
        println!("  ended: {times} {state}");
    }
    println!("quiet after {:.1} s", report.quiet_after.as_secs_f64());
    for count in &report.counts {
        println!("{:>4} {:>6}  {}", count.id, count.violations, count.says);
        for example in &count.examples {
            println!("             {example}");
        }
    }
}

fn as_json(plan: &Plan, report: &Report) -> serde_json::Value {
    let counts: serde_json::Map<String, serde_json::Value> = report
        .counts
        .iter()
        .map(|count| (count.id.to_owned(), count.violations.into()))
        .collect();
    let pairs = |pairs: &[(String, usize)]| {
        let pairs = pairs.iter().map(|(name, times)| (name.clone(), (*times).into()));
        serde_json::Value::Object(pairs.collect())
    };
    serde_json::json!({
        "checkouts": plan.checkouts,
        "buyers": plan.buyers,
        "seed": plan.seed,
        "kills": report.kills,
        "accepted": report.accepted,
        "refused": pairs(&report.refused),
        "ended": pairs(&report.ended),
        "repeated": report.repeated,
        "seconds": report.took.as_secs_f64(),
        "quiet_after_seconds": report.quiet_after.as_secs_f64(),
        "violations": counts,
    })
}
