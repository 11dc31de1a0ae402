//! Work on many series, spread over the cores.

use std::num::NonZero;
use std::thread;

/// Fewer series than this for each thread cost less than starting it.
const SERIES_PER_THREAD_MIN: usize = 64;

/// Returns what `work` makes of each item, in order; the first error ends it.
///
/// # Errors
/// Those of `work`.
pub(crate) fn try_map<T: Sync, R: Send, E: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    try_map_from(SERIES_PER_THREAD_MIN, items, work)
}

/// The same for items of which so many are worth a thread.
///
/// # Errors
/// Those of `work`.
pub(crate) fn try_map_from<T: Sync, R: Send, E: Send>(
    items_per_thread_min: usize,
    items: &[T],
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = cores.min(items.len() / items_per_thread_min);
    if threads <= 1 {
        return items.iter().map(work).collect();
    }
    let each = items.len().div_ceil(threads);
    let of_all = |items: &[T]| items.iter().map(&work).collect::<Result<Vec<R>, E>>();
    thread::scope(|scope| {
        let (first, rest) = items.split_at(each);
        let running: Vec<_> =
            rest.chunks(each).map(|items| scope.spawn(move || of_all(items))).collect();
        let mut results = of_all(first)?;
        for thread in running {
            let more = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            results.extend(more);
        }
        Ok(results)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_and_errors_end_it() {
        let items: Vec<u32> = (0..1000).collect();
        let doubled = try_map(&items, |&n| Ok::<u32, ()>(n * 2));
        assert_eq!(doubled, Ok((0..1000).map(|n| n * 2).collect()));
        let failed = try_map(&items, |&n| if n == 700 { Err(n) } else { Ok(n) });
        assert_eq!(failed, Err(700));
    }
}
