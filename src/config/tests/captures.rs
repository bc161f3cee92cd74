//! The table `[capture]`.

use super::*;

#[test]
fn nothing_is_captured_unless_a_folder_is_named() {
    assert_eq!(parse("").unwrap().capture, None);
    let capture = parse("[capture]\nfolder = \"c\"\nshare = 0.25\nmax_mb = 5\n").unwrap().capture.unwrap();
    assert_eq!(capture, Capture { folder: "c".into(), share: 0.25, max_calls: 1_000, max_mb: 5 });
    assert!(refused("[capture]\nshare = 1\n").contains("folder is missing"));
    assert!(refused("[capture]\nfolder = \" \"\n").contains("folder is empty"));
}

#[test]
fn shares_and_numbers_have_bounds() {
    for (line, told) in [
        ("share = 0", "share = 0 is outside 0..=1, and 0 is none of them"),
        ("share = 1.5", "share = 1.5 is outside 0..=1"),
        ("max_calls = 0", "max_calls = 0 is outside 1..=1000000"),
        ("max_mb = 0.5", "max_mb = 0.5 is outside 1..=1000000 (whole numbers only)"),
    ] {
        let mistake = refused(&format!("[capture]\nfolder = \"c\"\n{line}\n"));
        assert!(mistake.contains(told), "{mistake}");
    }
}
