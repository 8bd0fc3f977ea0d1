//! Plots as SVG: ratios query by query, bars of engines, curves over rounds.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::error::{Error, Result};

/// A named value to draw; `None` leaves its place empty.
#[derive(Debug, Clone)]
pub struct Ratio {
    /// The query's or engine's name.
    pub name: String,
    /// Its value.
    pub value: Option<f64>,
}

/// A line of values, numbered from 0.
#[derive(Debug, Clone)]
pub struct Curve {
    /// What the legend calls it.
    pub label: String,
    /// Its values.
    pub values: Vec<f64>,
}

const WIDTH: u32 = 1200;
const FASTER: RGBColor = RGBColor(46, 125, 90);
const SLOWER: RGBColor = RGBColor(196, 78, 60);
const NEUTRAL: RGBColor = RGBColor(70, 105, 160);

/// Share of a bar's place that the bar takes.
const BAR: f64 = 0.76;

type Drawing<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = std::result::Result<(), Box<dyn std::error::Error>>;

/// Ratios on a logarithmic scale, bars from the line at 1: below it we are faster.
///
/// # Errors
/// When there is nothing to draw.
pub(super) fn ratios(ratios: &[Ratio]) -> Result<String> {
    let known: Vec<f64> = ratios.iter().filter_map(|ratio| ratio.value).filter(|value| value.is_finite() && *value > 0.0).collect();
    if known.is_empty() {
        return Err(Error::new("there are no ratios to draw"));
    }
    let far = known.iter().map(|value| value.ln().abs()).fold(0.5_f64, f64::max).exp() * 1.15;
    // Names turn where they would touch.
    let longest = ratios.iter().map(|ratio| ratio.name.chars().count()).max().unwrap_or(0) as u32;
    let turned = ratios.len() > 30 || longest > 5;
    let below = if turned { 16 + 6 * longest } else { 30 };
    draw(310 + below, |root| {
        let mut chart = ChartBuilder::on(root)
            .margin(8)
            .x_label_area_size(below)
            .y_label_area_size(60)
            .build_cartesian_2d(0.0..ratios.len() as f64, (1.0 / far..far).log_scale())?;
        chart.configure_mesh().disable_x_mesh().x_labels(0).y_desc("ratio of times").light_line_style(WHITE).draw()?;
        for (position, ratio) in ratios.iter().enumerate() {
            let (left, right) = bar(position);
            if let Some(value) = ratio.value.filter(|value| value.is_finite() && *value > 0.0) {
                let color = if value <= 1.0 { FASTER } else { SLOWER };
                chart.draw_series([Rectangle::new([(left, value), (right, 1.0)], color.filled())])?;
            }
        }
        chart.draw_series(LineSeries::new([(0.0, 1.0), (ratios.len() as f64, 1.0)], BLACK.stroke_width(1)))?;
        for (position, ratio) in ratios.iter().enumerate() {
            let (x, y) = chart.backend_coord(&(position as f64 + 0.5, 1.0 / far));
            let (anchor, turn) = if turned {
                (Pos::new(HPos::Left, VPos::Center), FontTransform::Rotate90)
            } else {
                (Pos::new(HPos::Center, VPos::Top), FontTransform::None)
            };
            let style = ("sans-serif", 12).into_font().transform(turn).into_text_style(root).pos(anchor);
            root.draw(&Text::new(ratio.name.clone(), (x, y + 6), style))?;
        }
        Ok(())
    })
}

fn bar(position: usize) -> (f64, f64) {
    let left = position as f64 + (1.0 - BAR) / 2.0;
    (left, left + BAR)
}

/// A horizontal bar for each value, with its name before and its value behind it.
///
/// # Errors
/// When there is nothing to draw.
pub(super) fn bars(values: &[Ratio]) -> Result<String> {
    let highest = values.iter().filter_map(|value| value.value).filter(|value| value.is_finite()).fold(0.0, f64::max);
    if highest <= 0.0 {
        return Err(Error::new("there are no values to draw"));
    }
    draw(30 + 30 * values.len() as u32, |root| {
        let mut chart =
            ChartBuilder::on(root).margin(8).y_label_area_size(190).build_cartesian_2d(0.0..highest * 1.12, (values.len() as f64)..0.0)?;
        for (position, value) in values.iter().enumerate() {
            let Some(number) = value.value.filter(|value| value.is_finite()) else { continue };
            let (top, bottom) = bar(position);
            let color = if value.name.starts_with("clouddb") { FASTER } else { NEUTRAL };
            chart.draw_series([Rectangle::new([(0.0, top), (number, bottom)], color.filled())])?;
            let (x, y) = chart.backend_coord(&(number, (top + bottom) / 2.0));
            let style = |pos| ("sans-serif", 14).into_font().into_text_style(root).pos(pos);
            root.draw(&Text::new(format!("{number:.1}"), (x + 6, y), style(Pos::new(HPos::Left, VPos::Center))))?;
            let (x, _) = chart.backend_coord(&(0.0, 0.0));
            root.draw(&Text::new(value.name.clone(), (x - 8, y), style(Pos::new(HPos::Right, VPos::Center))))?;
        }
        Ok(())
    })
}

/// Curves on a logarithmic scale, from the first value to the last.
///
/// # Errors
/// When there is nothing to draw.
pub(super) fn curves(curves: &[Curve]) -> Result<String> {
    let values = || curves.iter().flat_map(|curve| curve.values.iter().copied()).filter(|value| value.is_finite() && *value > 0.0);
    let (lowest, highest) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    let length = curves.iter().map(|curve| curve.values.len()).max().unwrap_or(0);
    if highest <= 0.0 || length < 2 {
        return Err(Error::new("there are no values to draw"));
    }
    draw(360, |root| {
        let last = (length - 1) as f64;
        let mut chart = ChartBuilder::on(root)
            .margin(8)
            .x_label_area_size(36)
            .y_label_area_size(60)
            .build_cartesian_2d(0.0..last * 1.2, (lowest * 0.8..highest * 1.25).log_scale())?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(length)
            .x_label_formatter(&|x| if x.fract() == 0.0 { format!("{x:.0}") } else { String::new() })
            .x_desc("round")
            .y_desc("milliseconds")
            .light_line_style(WHITE)
            .draw()?;
        for (position, curve) in curves.iter().enumerate() {
            let color = Palette99::pick(position).to_rgba();
            let points =
                || curve.values.iter().enumerate().map(|(number, value)| (number as f64, *value)).filter(|(_, value)| *value > 0.0);
            chart
                .draw_series(LineSeries::new(points(), color.stroke_width(2)))?
                .label(&curve.label)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], color.stroke_width(3)));
            chart.draw_series(points().map(|point| Circle::new(point, 3, color.filled())))?;
        }
        let place = SeriesLabelPosition::UpperRight;
        chart.configure_series_labels().position(place).background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.2)).draw()?;
        Ok(())
    })
}

fn draw(height: u32, content: impl FnOnce(&Drawing<'_>) -> Drawn) -> Result<String> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        let drawn = root.fill(&WHITE).map_err(Into::into).and_then(|()| content(&root)).and_then(|()| Ok(root.present()?));
        drawn.map_err(|error: Box<dyn std::error::Error>| Error::new(format!("drawing a plot: {error}")))?;
    }
    Ok(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(values: &[(&str, Option<f64>)]) -> Vec<Ratio> {
        values.iter().map(|(name, value)| Ratio { name: (*name).to_owned(), value: *value }).collect()
    }

    #[test]
    fn draws_a_bar_for_every_value_that_is_there() -> Result<()> {
        for plot in [ratios, bars] {
            let svg = plot(&named(&[("one", Some(0.5)), ("none", None), ("two", Some(2.0))]))?;
            assert!(svg.contains("one") && svg.contains("two"));
            // Two bars and the background.
            assert_eq!(svg.matches("<rect").count(), 3, "{svg}");
            assert!(plot(&named(&[("none", None)])).is_err());
        }
        Ok(())
    }

    #[test]
    fn draws_a_line_for_every_curve() -> Result<()> {
        let curve = |label: &str, values: &[f64]| Curve { label: label.to_owned(), values: values.to_vec() };
        let svg = curves(&[curve("a", &[3.0, 2.0]), curve("b", &[1.0, f64::NAN])])?;
        assert!(svg.contains(">\na") && svg.contains(">\nb"), "{svg}");
        assert!(curves(&[curve("a", &[1.0])]).is_err());
        Ok(())
    }
}
