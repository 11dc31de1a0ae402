//! `cargo run -p fuzz`: the bounded run, one input again, and the samples of the corpus.

use fuzz::{TARGETS, Target, corpus, run, samples};
use std::env;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::process::ExitCode;
use stdx::Stopwatch;

const USAGE: &str = "\
usage: cargo run -p fuzz -- list
       cargo run -p fuzz -- run [TARGET] [--seed N] [--rounds N] [--keep FILE]
       cargo run -p fuzz -- repeat TARGET FILE...
       cargo run -p fuzz -- samples
       cargo run -p fuzz -- dictionary TARGET

  list    name the targets, with the inputs in their corpus
  run     attack every target, or one, with its corpus and N mutations of it
  repeat  attack one target with the inputs in files
  samples write valid inputs, made by our own encoders, into the corpus
  dictionary  print the words of a target as libFuzzer reads them
  --keep  file that holds the input under way, so that it is there when the process dies of it

The coverage-guided run: `make fuzz TARGET=... SECONDS=...`; see docs/fuzzing.md.
";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["list"] => list(),
        ["run", options @ ..] => attack_all(options),
        ["repeat", target, files @ ..] if !files.is_empty() => repeat(target, files),
        ["dictionary", target] => dictionary(target),
        ["samples"] => write_samples(),
        ["--help" | "-h" | "help"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("fuzz: {why}");
            ExitCode::from(2)
        }
    }
}

fn target_of(name: &str) -> Result<&'static Target, String> {
    Target::named(name).ok_or_else(|| format!("no target {name:?}; `list` names them"))
}

fn list() -> Result<(), String> {
    for target in TARGETS {
        let known = corpus::load(target.name).map_err(|e| format!("{}: {e}", target.name))?;
        let bytes: usize = known.iter().map(|(_, input)| input.len()).sum();
        println!("{:20} {:4} inputs, {bytes} bytes", target.name, known.len());
    }
    Ok(())
}

fn attack_all(options: &[&str]) -> Result<(), String> {
    let (mut only, mut seed, mut rounds, mut keep) = (None, 1u64, None, None);
    let mut options = options.iter();
    while let Some(option) = options.next() {
        let mut number = || -> Result<u64, String> {
            let text = options.next().ok_or_else(|| format!("{option} needs a number"))?;
            text.parse().map_err(|_| format!("{option} {text}: no number"))
        };
        match *option {
            "--seed" => seed = number()?,
            "--rounds" => rounds = Some(number()?),
            "--keep" => keep = Some(*options.next().ok_or("--keep needs a file")?),
            name if !name.starts_with('-') && only.is_none() => only = Some(target_of(name)?),
            other => return Err(format!("unknown option {other}\n{USAGE}")),
        }
    }
    let kept = match keep {
        Some(path) => {
            let file = OpenOptions::new().write(true).create(true).truncate(true).open(path);
            Some(file.map_err(|e| format!("{path}: {e}"))?)
        }
        None => None,
    };
    let mut before = |input: &[u8]| -> io::Result<()> {
        let Some(file) = &kept else { return Ok(()) };
        file.set_len(0)?;
        file.write_all_at(input, 0)
    };
    for target in TARGETS.iter().filter(|t| only.is_none_or(|o| o.name == t.name)) {
        let rounds = rounds.map_or(target.rounds, |n| u32::try_from(n).unwrap_or(u32::MAX));
        let watch = Stopwatch::start();
        let done = run::bounded(target, seed, rounds, &mut before).map_err(|e| e.to_string())?;
        println!(
            "{:20} {:4} known and {} mutated inputs hold, {:.2} s (seed {seed})",
            target.name,
            done.known,
            done.mutated,
            watch.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

fn repeat(name: &str, files: &[&str]) -> Result<(), String> {
    let target = target_of(name)?;
    for path in files {
        let input = fs::read(path).map_err(|e| format!("{path}: {e}"))?;
        target.attack(&input);
        println!("{path}: holds");
    }
    Ok(())
}

fn dictionary(name: &str) -> Result<(), String> {
    for word in target_of(name)?.words {
        let escaped: String = word.iter().map(|byte| format!("\\x{byte:02x}")).collect();
        println!("\"{escaped}\"");
    }
    Ok(())
}

fn write_samples() -> Result<(), String> {
    let samples = samples::all();
    for (target, name, bytes) in &samples {
        let dir = corpus::dir(target);
        let write = || -> io::Result<()> {
            fs::create_dir_all(&dir)?;
            let path = dir.join(name);
            let file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
            file.write_all_at(bytes, 0)
        };
        write().map_err(|e| format!("{}: {e}", dir.display()))?;
    }
    println!("wrote {} samples", samples.len());
    Ok(())
}
