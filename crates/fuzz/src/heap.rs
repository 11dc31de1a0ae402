//! How much memory a piece of work holds at its peak.

use peak_alloc::PeakAlloc;

/// Counts what is asked for, also when the system never has to give it: an allocation made ahead of
/// its content shows here before it hurts.
#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Returns by how much the heap grew at most while `work` ran; for one thread alone.
pub(crate) fn peak_bytes(work: impl FnOnce()) -> usize {
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    work();
    HEAP.peak_usage().saturating_sub(before)
}
