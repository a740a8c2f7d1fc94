//! What was measured, by name; medians count.

use std::collections::BTreeMap;

/// The figures of all rounds.
#[derive(Default)]
pub struct Figures(BTreeMap<String, Vec<f64>>);

impl Figures {
    /// Notes one measurement.
    pub fn note(&mut self, name: &str, value: f64) {
        self.0.entry(name.to_owned()).or_default().push(value);
    }

    /// The median of all rounds; not a number when nothing was measured.
    pub fn median(&self, name: &str) -> f64 {
        let mut all = self.0.get(name).cloned().unwrap_or_default();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// The median of the rounds' own ratios: what slows a whole round down slows both sides down.
    pub fn ratio(&self, of: &str, to: &str) -> f64 {
        let (Some(of), Some(to)) = (self.0.get(of), self.0.get(to)) else { return f64::NAN };
        let mut ratios: Vec<f64> = of.iter().zip(to).map(|(of, to)| of / to).collect();
        ratios.sort_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN)
    }
}
