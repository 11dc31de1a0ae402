//! From SVG text to PNG bytes.

use crate::font;
use crate::picture::PictureError;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

pub(crate) fn png(svg: &str, width: u32, height: u32) -> Result<Vec<u8>, PictureError> {
    let options = Options {
        fontdb: font::database(),
        font_family: font::FAMILY.to_owned(),
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options).map_err(PictureError::Svg)?;
    let mut pixels = Pixmap::new(width, height).ok_or(PictureError::NoRoom { width, height })?;
    resvg::render(&tree, Transform::default(), &mut pixels.as_mut());
    // The ground is opaque, so there is nothing to say about transparency.
    let rgb: Vec<u8> =
        pixels.data().as_chunks::<4>().0.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
    encode(&rgb, width, height).map_err(PictureError::Png)
}

fn encode(rgb: &[u8], width: u32, height: u32) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    encoder.write_header()?.write_image_data(rgb)?;
    Ok(bytes)
}
