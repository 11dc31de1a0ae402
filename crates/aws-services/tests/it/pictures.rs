//! `GetMetricWidgetImage`: what comes over the wire, and what is on it.

use crate::server::{NOW_S, Server, Wire};
use serde_json::{Value as Json, json};

/// A decoded picture.
struct Png {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Png {
    fn decode(bytes: &[u8]) -> Self {
        let decoder = png::Decoder::new(std::io::Cursor::new(bytes));
        let mut reader = decoder.read_info().expect("a picture");
        let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut rgb).unwrap();
        assert_eq!(info.color_type, png::ColorType::Rgb);
        Self { width: info.width, height: info.height, rgb }
    }

    /// Returns how many pixels have a colour, also where the edge of a line is mixed with the white
    /// ground, and the mean of their rows.
    fn of_color(&self, color: [u8; 3]) -> (usize, f64) {
        let rows = self.rgb.chunks_exact(3).enumerate();
        let rows: Vec<f64> = rows
            .filter(|(_, pixel)| mixed(pixel, color).is_some_and(|part| part > 0.4))
            .map(|(at, _)| (at as u32 / self.width).into())
            .collect();
        (rows.len(), rows.iter().sum::<f64>() / rows.len() as f64)
    }
}

/// Returns how much of a pixel is of a colour, the rest being white; none when it is of others.
fn mixed(pixel: &[u8], color: [u8; 3]) -> Option<f64> {
    let parts = pixel.iter().zip(color).filter(|(_, of)| *of < 0xff);
    let parts: Vec<f64> =
        parts.map(|(is, of)| f64::from(0xff - *is) / f64::from(0xff - of)).collect();
    let is_white_elsewhere = pixel.iter().zip(color).all(|(is, of)| of < 0xff || *is == 0xff);
    let first = *parts.first()?;
    let is_even = parts.iter().all(|part| (part - first).abs() < 0.05);
    (is_white_elsewhere && is_even).then_some(first)
}

const MAGENTA: [u8; 3] = [0xff, 0, 0xff];
const GREEN: [u8; 3] = [0, 0x80, 0];
/// `Color::WARNING` of the renderer.
const WARNING: [u8; 3] = [0xf0, 0x8c, 0];

fn asked(widget: &Json) -> Json {
    json!({"MetricWidget": widget.to_string()})
}

fn picture(server: &Server, widget: &Json) -> Png {
    let answer = server.ask("GetMetricWidgetImage", &asked(widget));
    Png::decode(&base64(answer["MetricWidgetImage"].as_str().unwrap()))
}

fn base64(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.decode(text).unwrap()
}

/// Three hours of two metrics: orders at 50, errors at 25.
fn fill(server: &Server) {
    for (name, value) in [("Orders", 50.0), ("Errors", 25.0)] {
        let points = (0..180).map(|minute| {
            json!({"MetricName": name, "Value": value, "Timestamp": NOW_S - 60 * (180 - minute)})
        });
        server.put("Shop", &points.collect());
    }
}

fn widget(metrics: &Json) -> Json {
    json!({"metrics": metrics, "period": 60, "yAxis": {"left": {"min": 0, "max": 100}},
           "legend": {"position": "hidden"}})
}

#[test]
fn a_picture_is_the_same_in_all_protocols() {
    let server = Server::new();
    fill(&server);
    let asked = asked(&widget(&json!([["Shop", "Orders", {"color": "#ff00ff"}]])));
    let json = server.send_in(Wire::Json, "GetMetricWidgetImage", &asked);
    let json = base64(json.json()["MetricWidgetImage"].as_str().unwrap());
    let query = server.send_in(Wire::Query, "GetMetricWidgetImage", &asked).text();
    let (_, query) = query.split_once("<MetricWidgetImage>").unwrap();
    let (query, _) = query.split_once("</MetricWidgetImage>").unwrap();
    assert!(base64(query) == json);
    let cbor = server.send_in(Wire::Cbor, "GetMetricWidgetImage", &asked);
    assert!(cbor.body.windows(json.len()).any(|bytes| bytes == json), "the bytes are in the map");
    let mut raw = asked;
    raw["OutputFormat"] = json!("image/png");
    for wire in [Wire::Json, Wire::Cbor, Wire::Query] {
        let raw = server.send_in(wire, "GetMetricWidgetImage", &raw);
        assert_eq!((raw.status, raw.content_type.as_str()), (200, "image/png"));
        assert!(raw.body == json);
    }
    let png = Png::decode(&json);
    assert_eq!((png.width, png.height), (600, 400));
}

#[test]
fn lines_stand_where_their_values_are() {
    let server = Server::new();
    fill(&server);
    let rows = json!([["Shop", "Orders", {"color": "#ff00ff"}],
                      [".", "Errors", {"color": "#008000"}]]);
    let png = picture(&server, &widget(&rows));
    let ((orders, at_50), (errors, at_25)) = (png.of_color(MAGENTA), png.of_color(GREEN));
    assert!(orders > 400 && errors > 400, "{orders} {errors}");
    // The axis from 0 to 100 takes most of the 400 pixels: a quarter of it some 80 to 100.
    assert!((80.0..100.0).contains(&(at_25 - at_50)), "{at_25} {at_50}");
    assert_eq!(png.of_color(WARNING).0, 0);
    // The sum of both, as one line; what it is made of is not shown.
    let rows = json!([[{"expression": "m1 + m2", "color": "#ff00ff"}],
                      ["Shop", "Orders", {"id": "m1", "visible": false, "color": "#008000"}],
                      [".", "Errors", {"id": "m2", "visible": false, "color": "#008000"}]]);
    let png = picture(&server, &widget(&rows));
    let ((sum, at_75), (rest, _)) = (png.of_color(MAGENTA), png.of_color(GREEN));
    assert!(sum > 400 && rest == 0, "{sum} {rest}");
    assert!((at_50 - at_75 - (at_25 - at_50)).abs() < 2.0, "{at_75} {at_50} {at_25}");
}

#[test]
fn the_newest_minute_is_live_data() {
    let server = Server::new();
    // In a minute that is not over yet.
    server.clock.advance_to(crate::server::NOW_MS + 30_000);
    server.put("Shop", &json!([{"MetricName": "Orders", "Value": 50, "Timestamp": NOW_S}]));
    let rows = json!([["Shop", "Orders", {"color": "#ff00ff"}]]);
    let mut widget = widget(&rows);
    assert_eq!(picture(&server, &widget).of_color(MAGENTA).0, 0);
    widget["liveData"] = json!(true);
    assert!(picture(&server, &widget).of_color(MAGENTA).0 > 0);
}

#[test]
fn a_row_that_costs_too_much_leaves_a_mark_and_not_the_others_out() {
    let server = Server::with_options(|options| options.questions.read.points_max = 200);
    fill(&server);
    let rows = json!([["Shop", "Orders", {"color": "#ff00ff"}],
                      [{"expression": "SUM(SEARCH('{Shop} Shop', 'Sum', 60))",
                        "color": "#008000"}]]);
    let png = picture(&server, &widget(&rows));
    let (orders, all) = (png.of_color(MAGENTA).0, png.of_color(GREEN).0);
    assert!(orders > 400 && all == 0, "{orders} {all}");
    assert!(png.of_color(WARNING).0 > 20, "the mark");
}

#[test]
fn metrics_of_other_regions_are_shown() {
    let server = Server::new();
    let mut there = Server::new();
    there.region = "eu-west-1".into();
    let there = Server { platform: server.platform.clone(), ..there };
    let there = Server { services: aws_services::Services::new(there.platform.clone()), ..there };
    fill(&there);
    let row = |region: &str| json!([["Shop", "Orders", {"color": "#ff00ff", "region": region}]]);
    assert_eq!(picture(&server, &widget(&row("us-east-1"))).of_color(MAGENTA).0, 0);
    assert!(picture(&server, &widget(&row("eu-west-1"))).of_color(MAGENTA).0 > 400);
}

#[test]
fn what_is_wrong_is_told_by_its_place() {
    let server = Server::new();
    let refused = |asked: Json| server.refusal("GetMetricWidgetImage", &asked);
    let code = "ValidationError".to_owned();
    let told = |text: &str| (code.clone(), text.to_owned());
    let parameter = "The value for parameter MetricWidget is invalid: ";
    let widgets = [
        ("{", "the widget: is not JSON: EOF while parsing an object (line 1 column 1)"),
        (
            r#"{"metrics": [["Shop"]], "view": "table"}"#,
            "metrics[0]: needs a namespace and a name; view: must be one of timeSeries, bar, pie, \
             singleValue, gauge, not \"table\"",
        ),
        (
            r#"{"metrics": [["Shop", "Orders", {"stat": "p101"}], [{"expression": "m1 +"}]]}"#,
            "metrics[0].stat: the statistic p101 is not known",
        ),
        (
            r#"{"metrics": [["Shop", "Orders", {"accountId": "999999999999"}]]}"#,
            "metrics[0].accountId: 999999999999 is another account, whose metrics are not served",
        ),
        (
            r#"{"metrics": [["Shop", "Orders"]], "start": "-PT1H", "end": "-PT2H"}"#,
            "start must be before end",
        ),
        (
            r#"{"metrics": [["Shop", "Orders"]], "setPeriodToTimeRange": true, "view": "pie"}"#,
            "setPeriodToTimeRange: is not served yet",
        ),
    ];
    for (widget, text) in widgets {
        assert_eq!(refused(json!({"MetricWidget": widget})), told(&format!("{parameter}{text}")));
    }
    let mut asked = asked(&widget(&json!([["Shop", "Orders"]])));
    asked["OutputFormat"] = json!("gif");
    let text = "The value gif for parameter OutputFormat is invalid; it must be png or image/png.";
    assert_eq!(refused(asked), told(text));
    assert_eq!(refused(json!({})).0, code);
}

#[test]
fn an_alarm_takes_the_place_of_metrics() {
    let server = Server::new();
    fill(&server);
    let alarm = json!({"AlarmName": "orders", "Namespace": "Shop", "MetricName": "Orders",
                       "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 3, "Threshold": 75,
                       "ComparisonOperator": "GreaterThanThreshold"});
    server.ask("PutMetricAlarm", &alarm);
    let arn = |name: &str| format!("arn:aws:cloudwatch:us-east-1:123456789012:alarm:{name}");
    let widget = |name: &str| json!({"annotations": {"alarms": [arn(name)]}, "yAxis": {"left": {"min": 0, "max": 100}}});
    let png = picture(&server, &widget("orders"));
    // The threshold's line, in the colour of alarms, is above that of the metric, the first of the
    // palette.
    let ((line, at_75), (orders, at_50)) =
        (png.of_color([0xd1, 0x32, 0x12]), png.of_color([0x2a, 0x6f, 0xc9]));
    assert!(line > 300 && orders > 400 && at_75 < at_50, "{line} {orders} {at_75} {at_50}");
    let (_, text) = server.refusal("GetMetricWidgetImage", &asked(&widget("none")));
    assert!(text.ends_with(&format!("there is no alarm {}", arn("none"))), "{text}");
}
