//! The built binary from outside: under a real Prometheus, killed at any moment, started and stopped
//! in all the ways that there are.
//!
//! Needs `target/<profile>/sightline` (or `SIGHTLINE_BIN`), and for Prometheus and the console the tools
//! of `make test-deps`. So all tests here are named `oracle_`, which `make check` leaves out.

mod alarms;
mod audit;
mod backup;
mod console;
mod credentials;
mod crowd;
mod delete;
mod described;
mod faults;
mod fsck;
mod grafana;
mod http;
mod import;
mod kill;
mod outage;
mod pages;
mod process;
mod programs;
mod prometheus;
mod promql;
mod receiver;
mod secured;
mod secured_prometheus;
mod telling;
mod tls;
