//! Work on the repository that is not the product: `cargo run -p xtask -- generate aws-shapes`.

mod aws_shapes;
mod layers;
mod ordered;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

const USAGE: &str = "\
usage: cargo run -p xtask -- generate aws-shapes [--check] [--models DIR]
       cargo run -p xtask -- layers
       cargo run -p xtask -- golden

  layers        check who uses whom and draw it into ARCHITECTURE.md
  golden        write the golden data directory of this version, at a release: a later version's
                tests open it (crates/platform/fixtures/golden)
  --check       compare with what is committed instead of writing it
  --models DIR  folder `botocore/data` to read; without it SIGHTLINE_BOTOCORE,
                and without that the pinned release is fetched with pip";

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["generate", "aws-shapes", options @ ..] => {
            let (mut check, mut models) = (false, None);
            let mut options = options.iter();
            while let Some(option) = options.next() {
                match *option {
                    "--check" => check = true,
                    "--models" => models = options.next().map(PathBuf::from),
                    other => bail!("unknown option {other}\n{USAGE}"),
                }
            }
            aws_shapes::run(check, models)
        }
        ["layers"] => layers::run(),
        ["golden"] => golden(),
        _ => bail!("{USAGE}"),
    }
}

/// Has the test that opens golden directories write the present one first: who writes and who reads
/// share one picture of the content.
fn golden() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let arguments = ["test", "--locked", "-p", "platform", "--test", "it", "golden"];
    let status = Command::new(env!("CARGO"))
        .args(arguments)
        .env("SIGHTLINE_GOLDEN_WRITE", "1")
        .current_dir(root)
        .status()
        .context("cargo")?;
    if !status.success() {
        bail!("the golden directory was not written, or does not open: see above");
    }
    println!("crates/platform/fixtures/golden holds this version: review and commit it");
    Ok(())
}
