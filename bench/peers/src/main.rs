//! Sends one pre-encoded load to several metric servers, one after the other, and compares what it
//! costs them: processor time, memory, disk, time to the first answer.
//!
//! Everything is measured from outside, in `/proc` and in the server's directory, so that ours and
//! a peer are read by the same ruler. `bench/peers/run` fetches the peers and starts this program;
//! `bench/README.md` says what each figure means.
//!
//! It deliberately uses none of our own crates, opens sockets on 127.0.0.1 only, and ends only the
//! processes that it started.

#![expect(
    clippy::disallowed_methods,
    reason = "measures real servers in real time; there is no world to simulate"
)]

mod afterwards;
mod args;
mod datums;
mod disk;
mod frames;
mod http;
mod measure;
mod outcome;
mod pods;
mod process;
mod queries;
mod random;
mod report;
mod rounds;
mod samples;
mod sender;
mod server;
mod sink;
mod stream;
mod workload;

use std::process::ExitCode;

use anyhow::Result;
use args::{Args, Command};

fn main() -> ExitCode {
    match obey() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not returned from here: that would print a backtrace after a mistyped option.
            eprintln!("bench-peers: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn obey() -> Result<()> {
    let args = Args::parse(std::env::args().skip(1))?;
    match &args.command {
        Command::Run => {
            workload::run(&args)?;
            report::write(&args)
        }
        Command::Table => report::write(&args),
        Command::Sink { listen } => sink::serve(listen),
    }
}
