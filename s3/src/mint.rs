//! Makes what names a user and what a user signs with, from a core's entropy. Called by the node,
//! which has the cluster decide whether they are free.

use hamster_core::Entropy;
use zeroize::Zeroizing;

/// What access keys of users begin with, so that they are told from others' at a glance.
const ACCESS_KEY_PREFIX: &str = "HMST";
/// What follows it: 80 bits.
const ACCESS_KEY_DRAWN: usize = 16;
const ACCESS_KEY_CHARACTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// As long as AWS's: 238 bits.
const SECRET_DRAWN: usize = 40;
/// No signs: a secret goes through shells and URLs unquoted.
const SECRET_CHARACTERS: &[u8; 62] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A canonical id: 64 hexadecimal digits.
pub fn canonical_id(entropy: &Entropy) -> String {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    hex::encode(bytes)
}

/// An access key: 20 capitals and digits.
pub fn access_key(entropy: &Entropy) -> String {
    let mut id = ACCESS_KEY_PREFIX.to_owned();
    draw(entropy, ACCESS_KEY_CHARACTERS, ACCESS_KEY_DRAWN, &mut id);
    id
}

/// A secret: 40 letters and digits.
pub fn secret(entropy: &Entropy) -> Zeroizing<String> {
    // Why with room: a string that grows leaves its former bytes behind.
    let mut secret = Zeroizing::new(String::with_capacity(SECRET_DRAWN));
    draw(entropy, SECRET_CHARACTERS, SECRET_DRAWN, &mut secret);
    secret
}

fn draw(entropy: &Entropy, from: &[u8], count: usize, into: &mut String) {
    for _ in 0..count {
        let drawn = usize::try_from(entropy.below(from.len() as u64)).expect("below a length");
        into.push(char::from(from[drawn]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hamster_meta::record::{AccessKey, User};
    use std::collections::BTreeSet;

    #[test]
    fn what_is_minted_has_the_form_that_apply_asks_for_and_is_never_the_same() {
        let entropy = Entropy::seeded(1);
        let mut seen = BTreeSet::new();
        for _ in 0..1000 {
            let (id, key, secret) =
                (canonical_id(&entropy), access_key(&entropy), secret(&entropy));
            assert!(User::is_id(&id), "{id}");
            assert!(AccessKey::is_id(&key), "{key}");
            assert_eq!(secret.len(), 40);
            assert!([id, key, secret.to_string()].into_iter().all(|it| seen.insert(it)));
        }
    }
}
