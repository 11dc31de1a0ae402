//! Fewer points, the same picture: of each column of pixels the first, lowest, highest and last.

use crate::series::{Point, Series};

/// A stretch of a line without a gap.
pub(crate) type Piece = Vec<(f64, f64)>;

/// Returns the pieces of a line: where points are missing it has a gap, if one would see it.
///
/// `x` says where a time stands; of each `column` pixels at most four points stay, in their order.
pub(crate) fn pieces(
    series: &Series,
    points: &[Point],
    x: impl Fn(i64) -> f64,
    y: impl Fn(f64) -> f64,
    column: f64,
) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut thinner = Thinner::default();
    let mut before: Option<(i64, f64)> = None;
    for point in points {
        let at = (x(point.at_ms), y(point.value));
        let is_gap = before.is_some_and(|(at_ms, before_x)| {
            series.has_gap(at_ms, point.at_ms) && at.0 - before_x >= 1.0
        });
        if is_gap {
            pieces.push(std::mem::take(&mut thinner).finish());
        }
        thinner.add(at, (at.0 / column).floor());
        before = Some((point.at_ms, at.0));
    }
    pieces.push(thinner.finish());
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

#[derive(Default)]
struct Thinner {
    kept: Piece,
    /// The points of the column that is open.
    open: Option<Column>,
}

struct Column {
    number: f64,
    count: usize,
    /// Place in the order of arrival, and the point.
    first: (usize, (f64, f64)),
    low: (usize, (f64, f64)),
    high: (usize, (f64, f64)),
    last: (usize, (f64, f64)),
}

impl Thinner {
    fn add(&mut self, at: (f64, f64), number: f64) {
        if let Some(column) = self.open.as_mut().filter(|column| column.number == number) {
            let new = (column.count, at);
            column.count += 1;
            if at.1 < column.low.1.1 {
                column.low = new;
            }
            if at.1 > column.high.1.1 {
                column.high = new;
            }
            column.last = new;
            return;
        }
        self.close();
        let new = (0, at);
        self.open = Some(Column { number, count: 1, first: new, low: new, high: new, last: new });
    }

    fn close(&mut self) {
        let Some(column) = self.open.take() else { return };
        let mut four = [column.first, column.low, column.high, column.last];
        four.sort_by_key(|(order, _)| *order);
        let mut before = None;
        for (order, at) in four {
            if before != Some(order) {
                self.kept.push(at);
            }
            before = Some(order);
        }
    }

    fn finish(mut self) -> Piece {
        self.close();
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(period_ms: i64, points: &[(i64, f64)]) -> Series {
        let points = points.iter().map(|(at_ms, value)| Point { at_ms: *at_ms, value: *value });
        Series::new("s", period_ms, points.collect())
    }

    fn thinned(series: &Series) -> Vec<Piece> {
        pieces(series, &series.points, |at| at as f64 / 10.0, |value| value, 1.0)
    }

    #[test]
    fn a_column_keeps_its_first_lowest_highest_and_last_in_their_order() {
        let values = [5.0, 9.0, 7.0, 1.0, 6.0, 2.0, 3.0, 4.0, 8.0, 5.5];
        let points: Vec<(i64, f64)> = (0..).zip(values).collect();
        assert_eq!(
            thinned(&series(1, &points)),
            [[(0.0, 5.0), (0.1, 9.0), (0.3, 1.0), (0.9, 5.5)]]
        );
    }

    #[test]
    fn a_missing_point_is_a_gap_where_one_sees_it() {
        let with_gap = series(10, &[(0, 1.0), (10, 2.0), (30, 3.0), (40, 4.0)]);
        assert_eq!(thinned(&with_gap), [[(0.0, 1.0), (1.0, 2.0)], [(3.0, 3.0), (4.0, 4.0)]]);
        // Half a period late is late, not missing.
        assert_eq!(thinned(&series(10, &[(0, 1.0), (15, 2.0)])).len(), 1);
        assert_eq!(thinned(&series(1, &[(0, 1.0), (8, 2.0)])).len(), 1);
        assert_eq!(thinned(&series(0, &[(0, 1.0), (900, 2.0)])).len(), 1);
    }

    #[test]
    fn a_million_points_become_four_for_each_column() {
        let points: Vec<(i64, f64)> =
            (0..1_000_000).map(|n| (n, ((n * 7919) % 1000) as f64)).collect();
        let series = series(1, &points);
        let pieces = pieces(&series, &series.points, |at| at as f64 / 2_000.0, |v| v, 1.0);
        assert!(pieces[0].len() <= 2_000);
        assert_eq!(pieces.len(), 1);
    }
}
