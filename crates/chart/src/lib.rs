#![doc = include_str!("../README.md")]

mod bar;
mod cells;
mod clock;
mod color;
mod font;
mod frame;
mod gauge;
mod legend;
mod marks;
mod number;
mod picture;
mod pie;
mod raster;
mod series;
mod single;
mod stack;
mod svg;
mod thin;
mod ticks;
mod time_series;
pub mod widget;

pub use color::Color;
pub use picture::{Picture, PictureError, SERIES_MAX};
pub use series::{Point, Series};
pub use widget::Widget;
