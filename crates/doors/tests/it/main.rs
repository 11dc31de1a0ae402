//! The door over a whole platform on a simulated disk and a clock that stands.

mod admin;
mod budgets;
mod exemplars;
mod grafana;
mod histograms;
mod hostile;
mod properties;
mod questions;
mod refusals;
mod world;
mod writes;
