//! A bar for each query and peer: our time divided by the peer's.

use std::path::Path;

use plotters::prelude::*;

use crate::error::{Context, Error, Result};

/// The bars of one peer.
#[derive(Debug, Clone)]
pub struct Bars {
    /// The peer, with its geometric mean, for the legend.
    pub label: String,
    /// Our time divided by the peer's, query by query.
    pub ratios: Vec<f64>,
}

/// The plot's size in pixels: wide enough for 22 groups of three bars.
const SIZE: (u32, u32) = (1200, 480);

/// Share of a query's width that its bars take; the rest keeps queries apart.
const GROUP_WIDTH: f64 = 0.8;

/// Draws the ratios of all peers as an SVG. Below the line at 1 we are faster.
///
/// # Errors
/// When there is nothing to draw or the file cannot be written.
pub fn ratio_bars(path: &Path, title: &str, queries: &[usize], peers: &[Bars]) -> Result<()> {
    draw(path, title, queries, peers).map_err(|error| Error::new(error.to_string())).context(format!("drawing {}", path.display()))
}

fn draw(path: &Path, title: &str, queries: &[usize], peers: &[Bars]) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let highest = peers.iter().flat_map(|peer| &peer.ratios).copied().fold(1.0, f64::max);
    if queries.is_empty() || peers.is_empty() || !highest.is_finite() {
        return Err("there are no ratios to draw".into());
    }
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..queries.len() as f64, 0.0..highest * 1.1)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        // Labels of queries are drawn below, in the middle of each group.
        .x_labels(0)
        .y_desc("CloudDB's time / peer's time")
        .light_line_style(WHITE)
        .draw()?;
    let width = GROUP_WIDTH / peers.len() as f64;
    for (position, peer) in peers.iter().enumerate() {
        let color = Palette99::pick(position).filled();
        let bars = peer.ratios.iter().enumerate().map(|(query, ratio)| {
            let left = query as f64 + (1.0 - GROUP_WIDTH) / 2.0 + position as f64 * width;
            Rectangle::new([(left, 0.0), (left + width, *ratio)], color)
        });
        chart
            .draw_series(bars)?
            .label(&peer.label)
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], Palette99::pick(position).filled()));
    }
    chart.draw_series(LineSeries::new([(0.0, 1.0), (queries.len() as f64, 1.0)], BLACK.stroke_width(1)))?;
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.3)).draw()?;
    for (position, query) in queries.iter().enumerate() {
        let (x, y) = chart.backend_coord(&(position as f64 + 0.5, 0.0));
        let style = ("sans-serif", 14).into_font().into_text_style(&root).pos(plotters::style::text_anchor::Pos::new(
            plotters::style::text_anchor::HPos::Center,
            plotters::style::text_anchor::VPos::Top,
        ));
        root.draw(&Text::new(format!("Q{query}"), (x, y + 8), style))?;
    }
    root.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_a_bar_for_every_query_and_peer() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("plot.svg");
        let peers = [Bars { label: "one".to_owned(), ratios: vec![0.5, 2.0] }, Bars { label: "two".to_owned(), ratios: vec![1.0, 1.5] }];
        ratio_bars(&path, "title", &[1, 7], &peers)?;
        let svg = std::fs::read_to_string(&path)?;
        for text in ["title", "one", "two", "Q1", "Q7"] {
            assert!(svg.contains(text), "{text}");
        }
        // Four bars, two in the legend, and the background.
        assert!(svg.matches("<rect").count() >= 7);
        assert!(ratio_bars(&path, "title", &[], &peers).is_err());
        Ok(())
    }
}
