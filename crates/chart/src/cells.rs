//! A grid of equal cells, for views that draw one thing for each series.

use crate::svg::Rect;

/// Returns the cells of a place for up to `count` things, and how many there is room for; `shape` is
/// the width of a good cell over its height, `least` the size of the smallest that says anything.
pub(crate) fn cells(place: Rect, count: usize, shape: f64, least: (f64, f64)) -> Vec<Rect> {
    const GAP: f64 = 12.0;
    let most_columns = ((place.w + GAP) / (least.0 + GAP)).floor().max(1.0) as usize;
    let most_rows = ((place.h + GAP) / (least.1 + GAP)).floor().max(1.0) as usize;
    let count = count.min(most_columns * most_rows);
    if count == 0 {
        return Vec::new();
    }
    let size = |columns: usize| {
        let rows = count.div_ceil(columns);
        let w = (place.w - GAP * (columns - 1) as f64) / columns as f64;
        let h = (place.h - GAP * (rows - 1) as f64) / rows as f64;
        (w.max(0.0), h.max(0.0), rows)
    };
    // The number of columns that makes the largest things of that shape, with few empty cells.
    let good = |columns: &usize| {
        let (w, h, rows) = size(*columns);
        let fits = rows <= most_rows;
        let used = count as f64 / (columns * rows) as f64;
        (fits, (w.min(h * shape) * used * 100.0) as i64, std::cmp::Reverse(*columns))
    };
    let columns = (1..=most_columns.min(count)).max_by_key(good).unwrap_or(1);
    let (w, h, _) = size(columns);
    let cell = |n: usize| Rect {
        x: place.x + (n % columns) as f64 * (w + GAP),
        y: place.y + (n / columns) as f64 * (h + GAP),
        w,
        h,
    };
    (0..count).map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_fill_their_place_without_touching() {
        let place = Rect { x: 10.0, y: 20.0, w: 600.0, h: 400.0 };
        for count in 1..200 {
            let cells = cells(place, count, 1.5, (80.0, 40.0));
            assert!(!cells.is_empty() && cells.len() <= count);
            for (n, cell) in cells.iter().enumerate() {
                assert!(cell.w >= 80.0 && cell.h >= 40.0, "{count}: {cell:?}");
                assert!(cell.right() <= place.right() + 0.01);
                assert!(cell.bottom() <= place.bottom() + 0.01);
                let apart = |other: &Rect| {
                    cell.right() < other.x
                        || other.right() < cell.x
                        || cell.bottom() < other.y
                        || other.bottom() < cell.y
                };
                assert!(cells[..n].iter().all(apart));
            }
        }
    }

    #[test]
    fn a_place_too_small_has_one_cell() {
        let place = Rect { x: 0.0, y: 0.0, w: 3.0, h: 0.0 };
        assert_eq!(cells(place, 7, 1.5, (80.0, 40.0)).len(), 1);
    }
}
