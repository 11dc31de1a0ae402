//! A platform on a simulated disk, for the targets that go through a door.

use aws_services::Services;
use aws_wire::{Gateway, Limits};
use doors::prometheus::PrometheusDoor;
use formats::remote_write::{self, Encoder, Sample};
use http::Request;
use model::Scope;
use platform::{
    AuthMode, Platform, PlatformOptions, QuestionLimits, ReadLimits, StoreOptions, SyncMode,
};
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use stdx::{CrashPlan, Disk, SimDisk, VirtualClock};

/// Where the clock stands: 2023-11-14T22:13:20Z.
pub(crate) const NOW_MS: i64 = 1_700_000_000_000;
/// What earlier inputs left behind must not make later ones slow, or unlike themselves.
const INPUTS_MAX: u32 = 200;

pub(crate) struct World {
    pub(crate) platform: Arc<Platform>,
    pub(crate) services: Services,
    pub(crate) gateway: Gateway,
    pub(crate) prometheus: PrometheusDoor,
}

impl World {
    fn new() -> Self {
        let disk = Arc::new(SimDisk::new(1, CrashPlan::default()));
        let platform = Arc::new(open_platform(disk).expect("an empty disk opens"));
        Self {
            services: Services::new(platform.clone()),
            gateway: Gateway::new(aws_services::served(), Limits::default()),
            prometheus: PrometheusDoor::new(platform.clone()),
            platform,
        }
    }

    /// Does the server's background work until `slot` holds an answer.
    pub(crate) fn wait_for<T>(&self, slot: &std::sync::Mutex<Vec<T>>) -> T {
        let filled = || !slot.lock().expect("one thread").is_empty();
        for _ in 0..8 {
            if filled() {
                break;
            }
            self.platform.commit_step(Duration::ZERO);
        }
        let mut answers = std::mem::take(&mut *slot.lock().expect("one thread"));
        assert_eq!(answers.len(), 1, "a request is answered once");
        answers.pop().expect("counted above")
    }
}

/// Opens the data directory `/data` of a disk.
pub(crate) fn open_platform(disk: Arc<dyn Disk>) -> Result<Platform, platform::OpenError> {
    let options = PlatformOptions {
        data_dir: Path::new("/data").to_path_buf(),
        default_scope: Scope {
            account: "123456789012".parse().expect("twelve digits"),
            region: "us-east-1".into(),
        },
        sync: SyncMode::Always,
        auth: AuthMode::Open,
        key_file: None,
        store: StoreOptions::default(),
        questions: QuestionLimits {
            // What one question may hold; without it answers are as large as a range is long.
            read: ReadLimits { bytes_max: 2 << 20, ..ReadLimits::default() },
            ..QuestionLimits::default()
        },
    };
    Platform::open(&options, Arc::new(VirtualClock::starting_at(NOW_MS)), disk)
}

/// Makes a data directory as it is after a kill: a day in a part, and more in the journal.
pub(crate) fn written_directory() -> SimDisk {
    let disk = SimDisk::new(1, CrashPlan::default());
    let platform = Arc::new(open_platform(Arc::new(disk.clone())).expect("an empty disk opens"));
    let door = PrometheusDoor::new(platform.clone());
    for (at_ms, job) in [(NOW_MS - 60_000, "a"), (NOW_MS, "b")] {
        let mut encoder = Encoder::new();
        encoder.series(&[("__name__", "up"), ("job", job)], &[Sample { at_ms, value: 1.0 }]);
        let request = Request::post("/api/v1/write").header("content-encoding", "snappy");
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        door.handle(&parts, remote_write::compress(&encoder.finish()).into(), |_| {});
        for _ in 0..8 {
            platform.commit_step(Duration::ZERO);
        }
        if job == "a" {
            platform.flush().expect("flushed");
        }
    }
    drop((door, platform));
    disk.after_kill()
}

thread_local! {
    static WORLD: RefCell<Option<(u32, Rc<World>)>> = const { RefCell::new(None) };
}

/// Makes a world, or renews one that saw many inputs; outside of what is measured.
pub(crate) fn prepare() {
    WORLD.with_borrow_mut(|world| match world {
        Some((used, _)) if *used < INPUTS_MAX => {}
        _ => *world = Some((0, Rc::new(World::new()))),
    });
}

/// Lends the world of this thread.
pub(crate) fn lend() -> Rc<World> {
    WORLD.with_borrow_mut(|world| {
        let (used, there) = world.as_mut().expect("prepared before each attack");
        *used += 1;
        there.clone()
    })
}
