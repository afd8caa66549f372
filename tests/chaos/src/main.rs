//! `cargo xtask chaos`

use std::process::ExitCode;

use latchkey_chaos::{Plan, Report, Shape};

const USAGE: &str = "usage: latchkey-chaos BINARY [--checkouts N] [--kills K] [--buyers B] [--seed S] \
                     [--topology XTASK] [--restarts R] [--json]";

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
        shape: Shape::Embedded { core: None },
        checkouts: 1_000,
        kills: 30,
        buyers: 16,
        seed: 1,
        calm: false,
    };
    let (mut topology, mut wanted) = (None, None);
    while let Some(word) = words.next() {
        let value = words.next()?;
        if word == "--topology" {
            topology = Some(value.into());
            continue;
        }
        let number: u64 = value.parse().ok()?;
        let size = usize::try_from(number).ok()?;
        match word.as_str() {
            "--checkouts" => plan.checkouts = size,
            "--kills" => plan.kills = size,
            "--buyers" => plan.buyers = size.max(1),
            "--seed" => plan.seed = number,
            "--restarts" => wanted = Some(size),
            _ => return None,
        }
    }
    match (topology, wanted) {
        (Some(xtask), restarts) => {
            let restarts = restarts.unwrap_or(RESTARTS);
            plan.shape = Shape::Scaled { xtask, restarts };
        }
        // One process has no broker.
        (None, Some(_)) => return None,
        (None, None) => {}
    }
    Some(plan)
}

/// How often the broker is restarted.
const RESTARTS: usize = 10;

fn code(report: &Report) -> ExitCode {
    match report.violations() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn print(plan: &Plan, report: &Report) {
    println!(
        "{} orders tried by {} buyers, {} kills, {} restarts of the broker, seed {}: {} acknowledged in {:.0} s \
         ({:.1}/s), {} requests repeated",
        plan.checkouts,
        plan.buyers,
        report.killed(),
        report.restarts,
        plan.seed,
        report.accepted,
        report.took.as_secs_f64(),
        report.accepted as f64 / report.took.as_secs_f64(),
        report.repeated
    );
    for (what, times) in &report.kills {
        println!("  killed: {times} {what}");
    }
    for (what, times) in &report.ended_by_themselves {
        println!("  ended by itself and started again: {times} {what}");
    }
    for (code, times) in &report.refused {
        println!("  refused: {times} {code}");
    }
    for (state, times) in &report.ended {
        println!("  ended: {times} {state}");
    }
    println!("quiet after {:.1} s", report.quiet_after.as_secs_f64());
    if let Some(took) = report.rebuilt_after {
        println!("read models were filled again in {:.1} s", took.as_secs_f64());
    }
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
    let shape = match plan.shape {
        Shape::Embedded { .. } => "embedded",
        Shape::Scaled { .. } => "scaled",
    };
    let examples: serde_json::Map<String, serde_json::Value> = report
        .counts
        .iter()
        .filter(|count| count.violations > 0)
        .map(|count| (count.id.to_owned(), count.examples.clone().into()))
        .collect();
    serde_json::json!({
        "shape": shape,
        "checkouts": plan.checkouts,
        "buyers": plan.buyers,
        "seed": plan.seed,
        "kills": report.killed(),
        "killed": report.kills,
        "broker_restarts": report.restarts,
        "ended_by_themselves": pairs(&report.ended_by_themselves),
        "accepted": report.accepted,
        "refused": pairs(&report.refused),
        "ended": pairs(&report.ended),
        "repeated": report.repeated,
        "seconds": report.took.as_secs_f64(),
        "quiet_after_seconds": report.quiet_after.as_secs_f64(),
        "rebuilt_after_seconds": report.rebuilt_after.map(|took| took.as_secs_f64()),
        "violations": counts,
        "examples": examples,
    })
}
