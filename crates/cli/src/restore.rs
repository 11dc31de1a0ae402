//! `sightline restore`.

use crate::backup::{disk, watched};
use crate::print;
use crate::progress::bytes;
use clap::Args;
use std::path::PathBuf;

/// From where, which, and into what.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RestoreArguments {
    /// Directory of backups
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Which snapshot: a name that `sightline backup --list` shows [default: the newest]
    #[arg(long, value_name = "NAME")]
    snapshot: Option<String>,
    /// Directory to make: empty or absent
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

const EXAMPLES: &str = "Every file is compared with its checksum on the way; the directory opens once all of it is there.

Examples:
  sightline restore --from /backup/sightline --data /var/lib/sightline-new
  sightline restore --from /backup/sightline --snapshot 2026-11-20T02-00-00Z --data /tmp/drill";

pub(crate) fn restore(arguments: &RestoreArguments) -> anyhow::Result<()> {
    let RestoreArguments { from, snapshot, data } = arguments;
    let done = watched("restore", |progress| {
        server::saving::restore(&disk(), from, snapshot.as_deref(), data, progress)
    })?;
    let series = match done.series {
        Some(series) => format!("{series} series"),
        None => "more series than were counted".to_owned(),
    };
    let mut text = format!(
        "restored snapshot {} (made {}) into {}: {} parts, {} points, {series}, {}\n",
        done.snapshot,
        done.made,
        data.display(),
        done.parts,
        done.points,
        bytes(done.bytes)
    );
    if done.damaged > 0 {
        text.push_str(&format!(
            "warning: {} parts were damaged when they were saved, and are set aside\n",
            done.damaged
        ));
    }
    text.push_str(&format!(
        "next: put secret.key back into it if you have one, then `sightline serve --data {}`\n",
        data.display()
    ));
    print::text(&text)
}
