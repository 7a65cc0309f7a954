//! Facts about keys: their order is the wanted one, whatever bytes an object key has.

use super::*;
use proptest::prelude::*;

const BUCKET: BucketId = BucketId::new(0x0102_ffff_ffff_ffff);

/// Keys that are likely to begin alike, with the characters that an escape could get wrong.
fn object_key() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![Just('\0'), Just('\u{1}'), Just('a'), Just('/'), Just('ÿ'), any::<char>()],
        0..6,
    )
    .prop_map(String::from_iter)
}

fn sequence() -> impl Strategy<Value = Sequence> {
    (any::<u64>(), any::<u32>()).prop_map(|(index, position)| Sequence::new(index, position))
}

proptest! {
    #[test]
    fn versions_come_by_key_then_newest_first(
        (left, right) in (object_key(), object_key()),
        (older, newer) in (sequence(), sequence()),
    ) {
        let order = version(BUCKET, &left, older).cmp(&version(BUCKET, &right, newer));
        prop_assert_eq!(order, left.cmp(&right).then(newer.cmp(&older)));
    }

    #[test]
    fn a_version_s_row_tells_its_key(key in object_key(), at in sequence()) {
        prop_assert_eq!(key_of_version(&version(BUCKET, &key, at)), Some(key));
    }

    #[test]
    fn uploads_come_by_key_then_id(
        (left, right) in (object_key(), object_key()),
        (first, second) in (sequence(), sequence()),
    ) {
        let (first, second) = (UploadId(first), UploadId(second));
        let order = upload(BUCKET, &left, first).cmp(&upload(BUCKET, &right, second));
        prop_assert_eq!(order, left.cmp(&right).then(first.cmp(&second)));
    }

    #[test]
    fn the_dead_come_by_the_order_of_their_deaths_and_tell_it(
        (first, second) in (sequence(), sequence()),
        (one, another) in (any::<[u8; 16]>(), any::<[u8; 16]>()),
    ) {
        let (one, another) = (DataId::from_bytes(one), DataId::from_bytes(another));
        let (left, right) = (dead(first, one), dead(second, another));
        prop_assert_eq!(left.cmp(&right), (first, one).cmp(&(second, another)));
        prop_assert_eq!(sequence_of_dead(&left), Some(first));
        let behind = dead_behind(Some((second, another)));
        prop_assert_eq!(behind.from <= left && left < behind.to, left > right);
        let behind = data_behind(Some(another));
        let row = data(one);
        prop_assert_eq!(behind.from <= row && row < behind.to, one > another);
    }

    #[test]
    fn a_range_holds_its_own_and_nothing_else(
        (key, prefix) in (object_key(), object_key()),
        at in sequence(),
    ) {
        let holds = |range: KeyRange, row: &[u8]| *range.from <= *row && *row < *range.to;
        let upload = upload(BUCKET, &key, UploadId(at));
        let row = current(BUCKET, &key);
        prop_assert_eq!(key_of_current(&row), Some(&*key));
        let begins = key.starts_with(&prefix);
        prop_assert_eq!(holds(uploads_with_prefix(BUCKET, &prefix), &upload), begins);
        prop_assert_eq!(holds(current_with_prefix(BUCKET, &prefix), &row), begins);
        let version = version(BUCKET, &key, at);
        prop_assert_eq!(holds(versions(BUCKET, &prefix), &version), key == prefix);
        prop_assert_eq!(holds(uploads_of_key(BUCKET, &prefix), &upload), key == prefix);
        prop_assert_eq!(holds(versions_with_prefix(BUCKET, &prefix), &version), begins);
        prop_assert!(holds(versions_of_bucket(BUCKET), &version));
        prop_assert!(!holds(versions_of_bucket(BucketId::new(BUCKET.get() + 1)), &version));
    }
}

#[test]
fn the_rows_of_users_are_told_from_all_others() {
    let (user_row, key_row) = (user("ab"), access_key("HK"));
    let range = users_and_keys();
    for row in [&user_row, &key_row] {
        assert!(is_of_users(row) && range.from <= *row && *row < range.to);
    }
    assert!(is_access_key(&key_row) && !is_access_key(&user_row));
    for other in [user_by_name("b"), key_of_user("ab", "HK"), outlived(0), counters()] {
        assert!(!is_of_users(&other));
        assert!(other < range.from || range.to <= other);
    }
    let (own, longer) = (keys_of_user("ab"), key_of_user("abc", "HK"));
    assert!(own.from <= key_of_user("ab", "HK") && key_of_user("ab", "HK") < own.to);
    assert!(longer < own.from || own.to <= longer);
}

#[test]
fn keys_are_pinned() {
    let at = Sequence::new(5, 6);
    let bucket = BucketId::new(7);
    let pins = [
        (version(bucket, "a\0b", at), "2000000000000000076100ff620000fffffffffffffffafffffff9"),
        (head(bucket, "a\0b"), "210000000000000007610062"),
        (current(bucket, "é"), "220000000000000007c3a9"),
        (data(DataId::from_bytes([9; 16])), "3009090909090909090909090909090909"),
        (upload(bucket, "a", UploadId(at)), "400000000000000007610000000000000000000500000006"),
        (part(UploadId(at), 258), "410000000000000005000000060102"),
        (outlived(258), "430000000000000102"),
        (
            dead(at, DataId::from_bytes([9; 16])),
            "3100000000000000050000000609090909090909090909090909090909",
        ),
        (bucket_by_name("b"), "1062"),
        (setting(bucket, SettingKind::Tagging), "12000000000000000702"),
        (user("ab"), "506162"),
        (access_key("HK"), "51484b"),
        (user_by_name("b"), "5262"),
        (key_of_user("ab", "HK"), "5361620000484b"),
    ];
    for (key, pin) in pins {
        assert_eq!(hex::encode(key), pin);
    }
}
