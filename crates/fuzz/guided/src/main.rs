//! One binary for all targets: `FUZZ_TARGET` names the one to attack.
#![no_main]

use fuzz::Target;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static TARGET: LazyLock<&'static Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET names a target");
    Target::named(&name).unwrap_or_else(|| panic!("no target {name:?}"))
});

fuzz_target!(|input: &[u8]| TARGET.attack(input));
