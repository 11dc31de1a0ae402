//! `sightline fsck`.

use crate::print;
use crate::progress::{Shown, bytes};
use clap::Args;
use server::{Finding, FsckOptions, FsckReport, Outcome};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

/// Which directory to check, and what may be done about what is found.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct FsckArguments {
    /// Data directory of a server that is stopped
    #[arg(long, value_name = "DIR", env = "SIGHTLINE_DATA")]
    data: PathBuf,
    /// Tell what would be mended, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Write a MANIFEST that is missing or damaged anew, if the order of arrival can be known
    #[arg(long)]
    rebuild_manifest: bool,
    /// Give up parts that the manifest lists and that are not there
    #[arg(long)]
    forget_missing: bool,
    /// Give up what stands behind damage in the middle of the journal (kept in journal/aside)
    #[arg(long)]
    cut_journal: bool,
}

const EXAMPLES: &str = "Examples:
  sightline fsck --data /var/lib/sightline --dry-run      look, change nothing
  sightline fsck --data /var/lib/sightline                mend what can be mended without guessing
  sightline fsck --data /var/lib/sightline --json

Ends with 0 when all is sound, 1 when everything that was found was mended (with --dry-run: would be),
2 when damage remains, 3 when the directory could not be checked. docs/damage.md says what each
finding means.";

/// The directory could not be checked, which says nothing of its state.
const EXIT_UNCHECKED: u8 = 3;

pub(crate) fn fsck(arguments: &FsckArguments) -> ExitCode {
    let options = FsckOptions {
        dry_run: arguments.dry_run,
        rebuild_manifest: arguments.rebuild_manifest,
        forget_missing: arguments.forget_missing,
        cut_journal: arguments.cut_journal,
    };
    let mut shown = std::io::stderr().is_terminal().then(Shown::new);
    let checked = server::fsck(&arguments.data, options, &mut |done, total| {
        if let Some(shown) = &mut shown {
            let percent = done.saturating_mul(100).checked_div(total).unwrap_or(100);
            shown.show(&format!("fsck: {percent} %, {} of {}", bytes(done), bytes(total)));
        }
    });
    if let Some(shown) = &mut shown {
        shown.end();
    }
    let told = match checked {
        Ok(report) => {
            let text = if arguments.json { json(&report) } else { text(&report) };
            print::text(&text).map(|()| report.code())
        }
        Err(error) => Err(error.into()),
    };
    match told {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("sightline: {error:#}");
            ExitCode::from(EXIT_UNCHECKED)
        }
    }
}

fn json(report: &FsckReport) -> String {
    let mut value = serde_json::to_value(report).unwrap_or_default();
    value["exit_code"] = report.code().into();
    format!("{value:#}\n")
}

fn finding(Finding { place, what, means, outcome }: &Finding) -> String {
    let (word, action) = match outcome {
        Outcome::Mended(action) => ("mended", action.as_str()),
        Outcome::WouldMend(action) => ("would mend", action.as_str()),
        Outcome::Left(todo) => ("left", todo.as_str()),
        Outcome::Note => ("note", ""),
    };
    let mut text = format!("{word:<10}  {place}: {what}\n{:12}means: {means}\n", "");
    match outcome {
        Outcome::Mended(_) | Outcome::WouldMend(_) => {
            text.push_str(&format!("{:12}done:  {action}\n", ""));
        }
        Outcome::Left(_) => text.push_str(&format!("{:12}to do: {action}\n", "")),
        Outcome::Note => {}
    }
    if matches!(outcome, Outcome::WouldMend(_)) {
        text = text.replace("done:  ", "would: ");
    }
    text
}

fn text(report: &FsckReport) -> String {
    let mut text: String = report.findings.iter().map(finding).collect();
    text.push_str(&format!(
        "checked {}: {} sound parts with {} series and {} points, {} journal frames with {} points \
         that are in no part yet, {} catalog entries\n",
        bytes(report.bytes),
        report.parts,
        report.series,
        report.points,
        report.journal_frames,
        report.journal_points,
        report.catalog_entries,
    ));
    text.push_str(match (report.code(), report.dry_run) {
        (0, _) => "all is sound\n",
        (1, false) => "all that was found was mended\n",
        (1, true) => "all that was found can be mended; nothing was changed\n",
        (_, true) => "some of it cannot be mended; nothing was changed\n",
        (_, false) => "damage remains: see what is left to do\n",
    });
    text
}
