//! Numbers that look random and are the same in every run.

/// SplitMix64: one addition and a mix per number, every state reachable.
///
/// Source: G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", 2014.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from 0 to below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Returns a number above 0 and at most 1.
    fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

/// Draws from the standard normal distribution by looking them up.
///
/// 86 million draws are needed for six hours; a logarithm and a cosine for each would take longer
/// than all the encoding. 65,536 prepared ones keep the entropy of every load to 0.01 bit.
#[derive(Debug)]
pub(crate) struct Normal {
    draws: Vec<f64>,
    random: Random,
}

impl Normal {
    pub(crate) fn seeded(seed: u64) -> Self {
        let mut random = Random::seeded(seed);
        let mut draws = Vec::with_capacity(1 << 16);
        while draws.len() < 1 << 16 {
            // Box-Muller: two independent draws from two uniform ones.
            let radius = (-2.0 * random.unit().ln()).sqrt();
            let (sin, cos) = (std::f64::consts::TAU * random.unit()).sin_cos();
            draws.extend([radius * sin, radius * cos]);
        }
        Self { draws, random }
    }

    pub(crate) fn draw(&mut self) -> f64 {
        self.draws[usize::from(self.random.next() as u16)]
    }

    /// Returns a number from 0 to below `end`, from the same sequence.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.random.below(end)
    }
}
