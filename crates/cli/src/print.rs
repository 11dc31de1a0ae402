//! Answers for people (table) and for scripts (JSON, CSV).

use anyhow::Context;
use std::io::{self, Write};

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Columns for people
    Table,
    /// One JSON document
    Json,
    /// Comma-separated values with a header
    Csv,
}

/// Rows under a header.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// Prints a text as it is; a reader that has gone away is no error.
pub(crate) fn text(text: &str) -> anyhow::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("standard output"),
    }
}

impl Rows {
    pub(crate) fn print(&self, format: Format) -> anyhow::Result<()> {
        text(&match format {
            Format::Table => self.table(),
            Format::Csv => self.csv()?,
            Format::Json => {
                let objects = self.rows.iter().map(|row| {
                    let pairs =
                        self.header.iter().cloned().zip(row.iter().map(|v| v.clone().into()));
                    serde_json::Value::Object(pairs.collect())
                });
                format!("{}\n", serde_json::Value::Array(objects.collect()))
            }
        })
    }

    fn table(&self) -> String {
        let mut widths: Vec<usize> = self.header.iter().map(|h| h.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let line = |cells: &[String]| {
            let padded: Vec<String> =
                cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            format!("{}\n", padded.join("  ").trim_end())
        };
        let mut table = line(&self.header);
        self.rows.iter().for_each(|row| table.push_str(&line(row)));
        table
    }

    fn csv(&self) -> anyhow::Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&self.header)?;
        for row in &self.rows {
            writer.write_record(row)?;
        }
        Ok(String::from_utf8(writer.into_inner()?)?)
    }
}
