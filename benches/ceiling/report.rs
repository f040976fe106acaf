//! Figures: how they are printed, and whether they are good enough.

/// On which side of the limit it must be.
#[derive(Clone, Copy)]
pub enum Limit {
    /// At least.
    Floor(f64),
    /// At most.
    Ceiling(f64),
}

/// What was measured so far.
pub struct Report {
    check: bool,
    failed: Vec<String>,
}

impl Report {
    pub fn new(check: bool) -> Self {
        Self { check, failed: Vec::new() }
    }

    /// Prints the median of what several rounds gave, with the least and the most, and what it was made of.
    pub fn figure(&mut self, name: &str, rounds: &[f64], unit: &str, limit: Limit, of: &str) {
        let value = median(rounds);
        let (least, most) = rounds.iter().fold((f64::MAX, f64::MIN), |(a, b), r| (a.min(*r), b.max(*r)));
        let (word, bound, holds) = match limit {
            Limit::Floor(bound) => ("floor", bound, value >= bound),
            Limit::Ceiling(bound) => ("ceiling", bound, value <= bound),
        };
        let kind = if unit.is_empty() { "ratio" } else { "figure" };
        let verdict = if holds { "" } else { "  MISSED" };
        let spread = format!("{least:.3} to {most:.3}, {} rounds", rounds.len());
        println!("{kind} {name} {value:.3}{unit} {word} {bound}{unit}{verdict}  ({spread}; {of})");
        if !holds {
            self.failed.push(name.to_owned());
        }
    }

    /// Ends the program, as was asked.
    pub fn end(self) {
        if !self.failed.is_empty() {
            println!("beyond their limits: {}", self.failed.join(", "));
            if self.check {
                std::process::exit(1);
            }
        }
    }
}

/// The middle one, or of the two in the middle the mean.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}
