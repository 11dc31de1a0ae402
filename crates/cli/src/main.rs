//! `sightline`: the one binary. Each subcommand is a few lines over the crates below.

mod alarms;
mod backup;
mod client;
mod config;
mod credentials;
mod delete;
mod deliveries;
mod fsck;
mod import;
mod limits;
mod password;
mod print;
mod progress;
mod put;
mod query;
mod restore;
mod retention;
mod serve;
mod top;
mod trust;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A monitoring platform that a team runs itself.
#[derive(Debug, Parser)]
#[command(name = "sightline", version, about, after_help = EXAMPLES, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  sightline serve                                    start on 127.0.0.1:4280, data in ./data
  sightline put -n Shop -m Orders -v 3 -u Count      put one value
  sightline query -n Shop -m Orders --stat Sum       its sums, minute by minute
  sightline query 'up{job=\"node\"}'                   what Prometheus sent
  sightline explain cpu-high                         why an alarm is in its state
  sightline test alarm cpu.json --from 720h          what an alarm would have done
  sightline top                                      who sends what, live
  sightline delete -n Shop --dry-run                 what deleting a namespace would take
  sightline fsck --data data --dry-run               is everything sound
  sightline backup --to /backup/sightline            save everything, while the server runs
  sightline keys create --role admin --data ./data   who may come in: see docs/security.md";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::ServeArguments),
    /// Put values of a metric to a running server
    Put(put::PutArguments),
    /// Ask a running server for values
    Query(query::QueryArguments),
    /// Say why an alarm is, or was, in its state
    Explain(alarms::ExplainArguments),
    /// Test alarms against stored data
    Test {
        #[command(subcommand)]
        command: alarms::TestCommand,
    },
    /// Show who sends what, what is refused and what questions cost, live
    Top(top::TopArguments),
    /// Delete series or a namespace of a running server
    Delete(delete::DeleteArguments),
    /// Show and set how long a running server keeps points, and what that costs
    Retention(retention::RetentionArguments),
    /// Show deliveries that were given up, and send them again
    Deliveries(deliveries::DeliveriesArguments),
    /// Save everything into a directory, while the server runs or when it is stopped
    Backup(backup::BackupArguments),
    /// Make a data directory of a backup
    Restore(restore::RestoreArguments),
    /// Access keys: make, list and revoke them
    Keys {
        #[command(subcommand)]
        command: credentials::KeysCommand,
    },
    /// Users with passwords: make, list and revoke them
    Users {
        #[command(subcommand)]
        command: credentials::UsersCommand,
    },
    /// Bearer tokens: make, list and revoke them
    Tokens {
        #[command(subcommand)]
        command: credentials::TokensCommand,
    },
    /// Bring samples over from Prometheus or VictoriaMetrics into a running server
    Import(import::ImportArguments),
    /// Check the data directory of a stopped server, and mend what can be mended
    Fsck(fsck::FsckArguments),
    /// Look at the configuration
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// What is served of AWS
    Aws {
        #[command(subcommand)]
        command: AwsCommand,
    },
    /// Print the version
    Version,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check options, environment and file together, and print what would be used
    Check(serve::ServeArguments),
}

#[derive(Debug, Subcommand)]
enum AwsCommand {
    /// List the operations that are served, and those that are known and not served yet
    Operations,
}

/// Wrong options: what `clap` ends with too.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Command::Serve(arguments) => serve::serve(&arguments),
        Command::Put(arguments) => put::put(&arguments),
        Command::Query(arguments) => query::query(&arguments),
        Command::Explain(arguments) => alarms::explain(&arguments),
        Command::Test { command } => match alarms::test(&command) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Command::Top(arguments) => top::top(&arguments),
        Command::Delete(arguments) => delete::delete(&arguments),
        Command::Deliveries(arguments) => deliveries::run(&arguments),
        Command::Retention(arguments) => retention::retention(&arguments),
        Command::Backup(arguments) => backup::backup(&arguments),
        Command::Restore(arguments) => restore::restore(&arguments),
        Command::Keys { command } => credentials::keys(&command),
        Command::Users { command } => credentials::users(&command),
        Command::Tokens { command } => credentials::tokens(&command),
        Command::Import(arguments) => import::import(&arguments),
        Command::Fsck(arguments) => return fsck::fsck(&arguments),
        Command::Config { command: ConfigCommand::Check(arguments) } => serve::check(&arguments),
        Command::Aws { command: AwsCommand::Operations } => {
            print::text(&server::operations_table())
        }
        Command::Version => print::text(&format!("sightline {}\n", env!("CARGO_PKG_VERSION"))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sightline: {error:#}");
            match error.downcast_ref::<config::UsageError>() {
                Some(_) => ExitCode::from(EXIT_USAGE),
                None => ExitCode::FAILURE,
            }
        }
    }
}
