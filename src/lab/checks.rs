//! Which of many messages are held against their schema.

/// Every one, or each of so many. Those in between are read all the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checks {
    every: u32,
    left: u32,
}

impl Default for Checks {
    fn default() -> Self {
        Self::every(1)
    }
}

impl Checks {
    /// 0 is taken for 1: all of them.
    pub(super) fn every(every: u32) -> Self {
        Self { every: every.max(1), left: 0 }
    }

    /// The next one is.
    pub(super) fn is_due(&mut self) -> bool {
        let due = self.left == 0;
        self.left = if due { self.every - 1 } else { self.left - 1 };
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_one_and_then_each_of_so_many() {
        let due = |every| {
            let mut checks = Checks::every(every);
            [(); 5].map(|()| checks.is_due())
        };
        assert_eq!(due(1), [true; 5]);
        assert_eq!(due(0), [true; 5]);
        assert_eq!(due(3), [true, false, false, true, false]);
    }
}
