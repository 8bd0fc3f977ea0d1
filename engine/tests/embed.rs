//! Runs the example that shows how to embed the engine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "a test may panic, and wait")]

#[path = "../examples/embed.rs"]
mod example;

#[tokio::test]
async fn the_example_runs() -> Result<(), Box<dyn std::error::Error>> {
    let answer = example::embed("memory://").await?;
    let names: Vec<&str> =
        answer.lines().filter_map(|line| ["Bern", "Basel", "Chur"].into_iter().find(|name| line.contains(name))).collect();
    assert_eq!(names, ["Bern", "Basel"], "{answer}");
    Ok(())
}
