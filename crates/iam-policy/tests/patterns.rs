//! Properties of patterns, for any pattern and any text.
use iam_policy::pattern;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_pattern_matches_what_the_patterns_it_covers_match(wide in "[ab*?]{0,6}", narrow in "[ab*?]{0,6}", text in "[ab]{0,6}") {
        if pattern::covers(&wide, &narrow) && pattern::matches(&narrow, &text) {
            prop_assert!(pattern::matches(&wide, &text));
        }
        if pattern::matches(&wide, &text) && pattern::matches(&narrow, &text) {
            prop_assert!(pattern::overlaps(&wide, &narrow) && pattern::overlaps(&narrow, &wide));
        }
    }
}
