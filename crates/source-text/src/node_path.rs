//! The position of a part within a document.

/// The path from a document's root to one of its parts: the index of the child at each level, as base-128 numbers.
///
/// Every part of a model has one, so it is small: a path that needs more than 15 bytes ends at the deepest level that
/// fits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodePath {
    length: u8,
    bytes: [u8; 15],
}

impl NodePath {
    /// The path to the child at an index; the parent's own path where no further level fits.
    #[inline]
    pub fn child(self, step: usize) -> NodePath {
        let (mut next, mut rest) = (self, step);
        loop {
            let Some(slot) = next.bytes.get_mut(next.length as usize) else { return self };
            *slot = (rest & 0x7F) as u8;
            next.length += 1;
            rest >>= 7;
            if rest == 0 {
                return next;
            }
            *slot |= 0x80;
        }
    }

    pub(crate) fn steps(&self) -> impl Iterator<Item = usize> {
        let mut rest = self.bytes[..self.length as usize].iter();
        std::iter::from_fn(move || {
            let (mut step, mut shift) = (0, 0);
            loop {
                let byte = *rest.next()?;
                step |= usize::from(byte & 0x7F) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    return Some(step);
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_gives_back_its_steps_and_ends_at_the_deepest_that_fits() {
        let walk = |steps: &[usize]| steps.iter().fold(NodePath::default(), |t, &s| t.child(s));
        for steps in [&[][..], &[0], &[127, 128, 0], &[1, 999_999, 3, 2_000_000, 16_383, 7]] {
            assert_eq!(walk(steps).steps().collect::<Vec<_>>(), steps);
        }
        let full = walk(&[1; 15]);
        assert_eq!(full.child(1), full);
        assert_eq!(walk(&[1; 14]).child(128).steps().count(), 14);
    }
}
