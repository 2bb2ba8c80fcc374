//! What is unique in a report: ids and file names; and the pictures drawn so far.

use super::parts::{ChartBlock, Table};
use crate::{
    analysis::{Analysis, SeriesView},
    model::{SeriesKey, TimeRange},
    report::{
        Error, Image,
        chart::{self, Chart, Label},
        words,
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// Ids that the page itself uses.
const TAKEN: [&str; 15] = [
    "top",
    "main",
    "filter",
    "together",
    "regressions",
    "acknowledged",
    "improvements",
    "trends",
    "went-away",
    "run-changes",
    "dags",
    "overhead",
    "undecided",
    "coverage",
    "method",
];

/// Names given, pictures drawn, series to draw.
pub(crate) struct Shelf<'a> {
    names: BTreeSet<String>,
    anchors: BTreeSet<String>,
    images: Vec<Image>,
    series: BTreeMap<&'a SeriesKey, &'a SeriesView>,
    window: TimeRange,
}

impl<'a> Shelf<'a> {
    pub(crate) fn new(analysis: &'a Analysis) -> Self {
        Self {
            names: BTreeSet::new(),
            anchors: TAKEN.map(str::to_owned).into(),
            images: Vec::new(),
            series: analysis.series.iter().map(|view| (&view.key, view)).collect(),
            window: analysis.window,
        }
    }

    /// The series of a finding, where the analysis hands it over.
    pub(crate) fn series(&self, key: &SeriesKey) -> Option<&'a SeriesView> {
        self.series.get(key).copied()
    }

    /// The window that is judged.
    pub(crate) fn window(&self) -> TimeRange {
        self.window
    }

    /// An id that no other element of the page has.
    pub(crate) fn anchor(&mut self, id: &str) -> String {
        unique(&mut self.anchors, &words::anchor(id))
    }

    /// Draws a chart, keeps its PNG and hands out what the page needs.
    pub(crate) fn chart(
        &mut self,
        chart: &impl Chart,
        (kind, id): (&str, &str),
        (title, desc): (String, String),
        table: Table,
    ) -> Result<ChartBlock, Error> {
        let anchor = self.anchor(&format!("{kind}-{id}"));
        let label = Label { id: &anchor, title: &title, desc: &desc };
        let svg = chart::to_svg(chart, &label)?;
        let bytes = chart::to_png(chart, &label)?;
        let stem = unique(&mut self.names, &words::file_stem(&format!("{kind}-{id}")));
        let image = format!("{stem}.png");
        self.images.push(Image { name: image.clone(), bytes });
        Ok(ChartBlock { svg, image, title, desc, table })
    }

    /// The pictures, in the order of the page.
    pub(crate) fn into_images(self) -> Vec<Image> {
        self.images
    }
}

/// `name`, with a number behind it where it is taken.
fn unique(taken: &mut BTreeSet<String>, name: &str) -> String {
    let mut candidate = name.to_owned();
    let mut number = 2;
    while !taken.insert(candidate.clone()) {
        candidate = format!("{name}-{number}");
        number += 1;
    }
    candidate
}
