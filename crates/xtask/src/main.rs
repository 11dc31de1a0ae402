//! Work on the repository that is not the product: `cargo run -p xtask -- generate aws-shapes`.

mod aws_shapes;
mod layers;
mod ordered;

use std::path::PathBuf;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo run -p xtask -- generate aws-shapes [--check] [--models DIR]
       cargo run -p xtask -- layers

  layers        check who uses whom and draw it into ARCHITECTURE.md
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
        _ => bail!("{USAGE}"),
    }
}
