//! `cargo xtask`: the project's own commands, the same on every machine and in CI.
//!
//! Each command is one module with a function that returns `Err(what went wrong)`; this file only names them. Arguments
//! are read by hand, because xtask is compiled before anything else can be checked and has to stay small.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "these are commands; the terminal is their output")]

mod bench;
mod check;
mod generate;
mod house;
mod process;
mod setup;
mod shape;
mod sim;
mod source;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask COMMAND

  setup             install what the tests need into .tools/ and clients/ (quick when done)
  check             fmt, clippy, cargo-deny, tidy, generated code up to date
  tidy [--write]    the laws of the repository; --write rewrites the clippy.toml of each folder
  test [SUITE..]    everything: setup, laws, Rust tests, real clients; or only the named client suites
  gen [--check]     writes each service's generated code; --check only compares
  run [ARGS]        the server, built for release
  bench NAME [ARGS] a measurement, built for release
  sim [ARGS]        the whole server on simulated disk, clock and network: --seeds N, --hours H, --from SEED, --seed S
  shape             lines per file and per function, docs and test ratio
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<(), String> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["setup"] => setup::run(),
        ["check"] => check::run(),
        ["tidy"] => tidy::run(tidy::Mode::Check),
        ["tidy", "--write"] => tidy::run(tidy::Mode::Write),
        ["test", only @ ..] => test::run(only),
        ["gen"] => generate::run(false),
        ["gen", "--check"] => generate::run(true),
        ["run", rest @ ..] => bench::serve(rest),
        ["bench", name, rest @ ..] => bench::run(name, rest),
        ["sim", rest @ ..] => sim::run(rest),
        ["shape"] => shape::run(),
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => Err(format!("no such command: {}\n\n{USAGE}", words.join(" "))),
    }
}
