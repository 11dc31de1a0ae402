//! `GetMetricWidgetImage`: a graph as a picture.

use crate::caller::Caller;
use crate::{Answer, Services, fault};
use aws_shapes::cloudwatch::{
    GET_METRIC_WIDGET_IMAGE_OUTPUT, get_metric_widget_image_input as input,
    get_metric_widget_image_output as output,
};
use aws_wire::{Request, ServiceError, Struct, Value};
use platform::PictureError;
use std::borrow::Cow;

/// The picture is the whole body of the answer.
pub(crate) const RAW: &str = "image/png";

pub(crate) fn handle(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let asked = request.input()?;
    if let Some(format) = asked.str(input::OUTPUT_FORMAT)
        && !["png", RAW].contains(&format)
    {
        return Err(ServiceError::validation(format!(
            "The value {format} for parameter OutputFormat is invalid; it must be png or {RAW}."
        )));
    }
    let widget = asked.str(input::METRIC_WIDGET).unwrap_or_default();
    let now_ms = services.platform.clock().now_ms();
    let picture = services.platform.picture(&caller.who, &caller.scope, widget, now_ms);
    let png = picture.map_err(|error| of_picture(&error))?;
    let image = Value::Blob(Cow::Owned(png));
    let answer = Struct::new(&GET_METRIC_WIDGET_IMAGE_OUTPUT);
    Ok(Some(answer.with(output::METRIC_WIDGET_IMAGE, image)))
}

/// Takes the picture out of an answer whose body it shall be.
pub(crate) fn take_raw(request: &Request, answer: &mut Answer) -> Option<Vec<u8>> {
    let Ok(Some(answer)) = answer else { return None };
    let asked = request.decode().ok()?;
    if asked.str(input::OUTPUT_FORMAT) != Some(RAW) {
        return None;
    }
    match answer.take(output::METRIC_WIDGET_IMAGE) {
        Value::Blob(bytes) => Some(bytes.into_owned()),
        _ => None,
    }
}

fn of_picture(error: &PictureError) -> ServiceError {
    match error {
        PictureError::Widget(_) | PictureError::Range(_) => ServiceError::validation(format!(
            "The value for parameter MetricWidget is invalid: {error}"
        )),
        PictureError::Ask(error) => fault::of_ask(error),
        PictureError::Draw(error) => {
            tracing::error!(%error, "a picture could not be drawn");
            ServiceError::internal()
        }
    }
}
