//! Pictures of metrics: a widget, with its data asked for, as PNG bytes.
//!
//! One renderer for the API, for mails and for whatever else shows a graph. Where points had to be left
//! out - a question that costs more than it may - the picture carries its mark of incomplete data: a
//! picture with a warning helps more than none.

mod alarm;
mod promql;
mod rows;
#[cfg(test)]
mod tests;

use crate::access::Verb;
use crate::alarms::{AlarmRecord, WatchRecord};
use crate::read::AskError;
use crate::{Platform, alarm_arn};
use ::alarm::definition::AlarmKey;
use chart::widget::{Mistake, RangeError};
use chart::{Picture, Point, Series, Widget};
use metric_store::ReadError;
use model::{Principal, Scope, TenantId, TimeRange};
use query::QueryError;
use query::metric_data::{DataAnswer, DataQuestion, Line};
use rows::Rows;
use stdx::Stopwatch;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The widget is wrong; everything that is, at least one.
    #[error("{}", told(.0))]
    Widget(Vec<Mistake>),
    /// Its range cannot be shown.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// Its data could not be asked for.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// It could not be drawn.
    #[error(transparent)]
    Draw(#[from] chart::PictureError),
}

fn told(mistakes: &[Mistake]) -> String {
    let all: Vec<String> = mistakes.iter().map(Mistake::to_string).collect();
    all.join("; ")
}

fn mistake(path: impl Into<String>, message: impl Into<String>) -> Mistake {
    Mistake { path: path.into(), message: message.into() }
}

/// Data of the newest minute may be on their way yet.
///
/// Source: CloudWatch API reference, "GetMetricWidgetImage: Metric Widget Structure and Syntax", field
/// `liveData`.
const LIVE_MS: i64 = 60_000;
/// What a pixel takes while it is drawn: four bytes, and three of the encoder's.
const PIXEL_BYTES: u64 = 7;

impl Platform {
    /// Draws a widget, the JSON text that CloudWatch documents, as PNG bytes.
    ///
    /// # Errors
    /// [`PictureError`].
    pub fn picture(
        &self,
        who: &Principal,
        scope: &Scope,
        widget: &str,
        now_ms: i64,
    ) -> Result<Vec<u8>, PictureError> {
        self.check(who, scope, Verb::Read).map_err(AskError::from)?;
        let mut widget = Widget::parse(widget).map_err(PictureError::Widget)?;
        if let Some(arn) = widget.annotations.alarms.first().cloned() {
            let wrong = |text| PictureError::Widget(vec![mistake("annotations.alarms[0]", text)]);
            let record = self.alarm_of(scope, &arn).map_err(wrong)?;
            if let WatchRecord::Promql(promql) = &record.watch {
                return self.draw_query(scope, promql, &mut widget, now_ms);
            }
            let shown = alarm::show(&record, &mut widget);
            shown.ok_or_else(|| wrong(format!("{arn} watches no metrics")))?;
        }
        self.draw(scope, &widget, now_ms)
    }

    /// Returns the alarm of an ARN.
    ///
    /// # Errors
    /// Says that there is none.
    fn alarm_of(&self, scope: &Scope, arn: &str) -> Result<AlarmRecord, String> {
        let unknown = || format!("there is no alarm {arn}");
        let name = arn.strip_prefix(&alarm_arn(scope, "")).ok_or_else(unknown)?;
        let tenant = self.tenants.find(scope).ok_or_else(unknown)?;
        let key = AlarmKey { tenant, name: name.to_owned() };
        self.alarms.record(&key).ok_or_else(unknown)
    }

    fn draw(&self, scope: &Scope, widget: &Widget, now_ms: i64) -> Result<Vec<u8>, PictureError> {
        let range = widget.range(now_ms)?;
        let groups = Rows::of(widget, scope).map_err(PictureError::Widget)?;
        let of_account = self.tenants.find(scope).unwrap_or(TenantId::NOBODY);
        let account = match of_account {
            TenantId::NOBODY => of_account,
            tenant => self.tenants.first_of(tenant),
        };
        let asked = Stopwatch::start();
        let turn = self.questions.begin(account, None)?;
        let pixels = u64::from(widget.width) * u64::from(widget.height);
        turn.counted(turn.budget.take(pixels * PIXEL_BYTES).map_err(QueryError::from))
            .map_err(AskError::from)?;
        let mut drawn: Vec<(usize, Vec<Series>)> = Vec::new();
        for rows in &groups {
            let tenant = self.tenants.find(&rows.scope).unwrap_or(TenantId::NOBODY);
            let question = |first: usize, points_max| DataQuestion {
                plan: &rows.plan,
                account: scope.account.as_str(),
                range,
                bounds: None,
                now_ms,
                first,
                is_resumed: false,
                points_max,
                is_capped: self.questions.limits().aws_caps,
            };
            let answer =
                turn.counted(self.runner.data(tenant, &question(0, usize::MAX), &turn.budget));
            let answer = match answer {
                Ok(answer) => answer,
                Err(error) if is_over_limit(&error) => {
                    self.one_by_one(tenant, rows, asked, |at| {
                        // One point is enough for the rows behind to be left alone.
                        question(at, 1)
                    })?
                }
                Err(error) => return Err(of_query(error, rows)),
            };
            let naming = rows.naming(widget, scope, now_ms);
            for (at, row) in rows.visible(widget) {
                let lines = answer.lines.get(at).and_then(Option::as_deref);
                let labels = rows.labels(&naming, at, lines, widget);
                drawn.push((row, series(widget, row, lines, &labels, range, now_ms)));
            }
        }
        drawn.sort_by_key(|(row, _)| *row);
        let series: Vec<Series> = drawn.into_iter().flat_map(|(_, series)| series).collect();
        let picture = Picture { widget, series: &series, range };
        Ok(picture.png()?)
    }

    /// Asks for the rows of a question that costs too much each by itself; those that cost too much
    /// alone are left out.
    fn one_by_one<'r>(
        &self,
        tenant: TenantId,
        rows: &Rows,
        asked: Stopwatch,
        question: impl Fn(usize) -> DataQuestion<'r>,
    ) -> Result<DataAnswer, PictureError> {
        let mut answer = DataAnswer { lines: vec![None; rows.plan.queries().len()] };
        for at in rows.returned() {
            let budget = self.questions.budget(asked, None);
            match self.runner.data(tenant, &question(at), &budget) {
                Ok(mut one) => answer.lines[at] = one.lines.get_mut(at).and_then(Option::take),
                Err(QueryError::Read(ReadError::OutOfTime { .. })) => break,
                Err(error) if is_over_limit(&error) => {}
                Err(error) => return Err(of_query(error, rows)),
            }
        }
        Ok(answer)
    }
}

/// Says whether less would have been answered.
fn is_over_limit(error: &QueryError) -> bool {
    matches!(
        error,
        QueryError::Read(
            ReadError::TooManySeries { .. }
                | ReadError::TooManyPoints { .. }
                | ReadError::TooMuchMemory { .. }
                | ReadError::OutOfTime { .. }
        )
    )
}

fn of_query(error: QueryError, rows: &Rows) -> PictureError {
    match error {
        QueryError::Expression { id, what, .. } => {
            PictureError::Widget(vec![mistake(rows.path_of(&id), what)])
        }
        error => AskError::from(error).into(),
    }
}

/// Returns what is drawn of a row: a series for each of its lines; without lines one that says that
/// its points are missing.
fn series(
    widget: &Widget,
    row: usize,
    lines: Option<&[Line]>,
    labels: &[String],
    range: TimeRange,
    now_ms: i64,
) -> Vec<Series> {
    let row = &widget.metrics[row];
    let dressed = |series: Series| Series { axis: row.axis, ..series };
    let label = |at: usize| labels.get(at).cloned().unwrap_or_default();
    let Some(lines) = lines else {
        let left_out = Series { complete: false, ..Series::new(label(0), 0, Vec::new()) };
        return vec![Series { color: row.color, ..dressed(left_out) }];
    };
    let color = row.color.filter(|_| lines.len() == 1);
    let of_line = |(at, line): (usize, &Line)| {
        let period_ms = i64::from(line.period_s) * 1_000;
        let live_ms = if widget.live_data { i64::MIN } else { LIVE_MS.min(period_ms) };
        let newest_ms = now_ms.saturating_sub(live_ms);
        let is_shown = |at_ms: i64| range.contains(at_ms) && at_ms <= newest_ms;
        let points = line.points.iter().filter(|(at_ms, _)| is_shown(*at_ms));
        let points = points.map(|&(at_ms, value)| Point { at_ms, value }).collect();
        let mut series = dressed(Series::new(label(at), period_ms, points));
        series.unit = line.units.first().copied().unwrap_or_default();
        series.color = color;
        // Data of other units of the metric are not in the line.
        series.complete = line.units.len() <= 1;
        series
    };
    lines.iter().enumerate().map(of_line).collect()
}
