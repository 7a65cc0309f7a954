//! The Date header's format (IMF-fixdate, RFC 9110 section 5.6.7).

use hamster_core::WallTime;
use std::cell::Cell;

/// The Date header's value, formatted once a second.
pub(super) struct DateCache(Cell<(u64, [u8; 29])>);

impl DateCache {
    pub fn new(now: WallTime) -> Self {
        Self(Cell::new((now.secs(), imf_fixdate(now))))
    }

    pub fn text(&self, now: WallTime) -> [u8; 29] {
        let (second, text) = self.0.get();
        if second == now.secs() {
            return text;
        }
        let text = imf_fixdate(now);
        self.0.set((now.secs(), text));
        text
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`. Years over 9999 show their last four digits.
pub fn imf_fixdate(time: WallTime) -> [u8; 29] {
    const DAYS: &[u8; 21] = b"ThuFriSatSunMonTueWed";
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let (days, second) = (time.secs() / 86_400, time.secs() % 86_400);
    let (year, month, day) = civil(days);
    let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    let mut put = |at: usize, names: &[u8], number: u64| {
        let start = usize::try_from(number).unwrap_or_default() * 3;
        text[at..at + 3].copy_from_slice(&names[start..start + 3]);
    };
    put(0, DAYS, days % 7);
    put(8, MONTHS, month - 1);
    let numbers = [
        (5, day),
        (12, year / 100),
        (14, year),
        (17, second / 3600),
        (20, second / 60 % 60),
        (23, second % 60),
    ];
    for (at, number) in numbers {
        for (place, digit) in [(at, number / 10 % 10), (at + 1, number % 10)] {
            text[place] = b'0' + u8::try_from(digit).unwrap_or_default();
        }
    }
    text
}

/// Year, month and day of the month, both from 1, of a day since 1970-01-01 (Howard Hinnant,
/// "chrono-compatible low-level date algorithms", `civil_from_days`).
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (secs, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (4_102_444_800, "Fri, 01 Jan 2100 00:00:00 GMT"),
        ] {
            assert_eq!(imf_fixdate(WallTime::from_secs(secs)), text.as_bytes(), "{text}");
        }
    }
}
