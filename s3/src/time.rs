//! Times as S3 writes and reads them: HTTP dates, ISO 8601 with milliseconds, and SigV4's basic
//! form. Called wherever a time meets the wire. Reads no clock.

use hamster_core::WallTime;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{Timestamp, fmt::rfc2822};

/// A time in SigV4's form, with the text it was read from: `20130524T000000Z`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SigningTime {
    text: [u8; 16],
    at: WallTime,
}

impl SigningTime {
    /// Reads SigV4's form; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 16] = text.as_bytes().try_into().ok()?;
        // Why by hand: every request brings one.
        if bytes[8] != b'T' || bytes[15] != b'Z' {
            return None;
        }
        let [year, month, day] =
            [read_digits(&bytes[..4])?, read_digits(&bytes[4..6])?, read_digits(&bytes[6..8])?];
        let [hour, minute, second] = [
            read_digits(&bytes[9..11])?,
            read_digits(&bytes[11..13])?,
            read_digits(&bytes[13..15])?,
        ];
        let two = |number: i16| i8::try_from(number).ok();
        let at =
            DateTime::new(year, two(month)?, two(day)?, two(hour)?, two(minute)?, two(second)?, 0)
                .ok()?;
        Some(Self { text: bytes, at: wall_time(Offset::UTC.to_timestamp(at).ok()?)? })
    }

    /// The same time, whole seconds, in SigV4's form.
    pub fn of(at: WallTime) -> Self {
        let civil = civil(at);
        let mut text = *b"00000000T000000Z";
        write_digits(&mut text[0..4], civil.year().unsigned_abs());
        write_digits(&mut text[4..6], civil.month().unsigned_abs().into());
        write_digits(&mut text[6..8], civil.day().unsigned_abs().into());
        write_digits(&mut text[9..11], civil.hour().unsigned_abs().into());
        write_digits(&mut text[11..13], civil.minute().unsigned_abs().into());
        write_digits(&mut text[13..15], civil.second().unsigned_abs().into());
        Self { text, at: WallTime::from_secs(at.secs()) }
    }

    /// All of it: `20130524T000000Z`.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.text).expect("checked when made: ASCII")
    }

    /// The day alone: `20130524`.
    pub fn day(&self) -> &str {
        &self.text()[..8]
    }

    /// The time it stands for.
    pub const fn at(&self) -> WallTime {
        self.at
    }
}

/// An HTTP date (RFC 9110, 5.6.7), in any of the forms that RFC 2822 parsers take.
pub fn parse_http_date(text: &str) -> Option<WallTime> {
    wall_time(rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?)
}

/// `Wed, 21 Oct 2015 07:28:00 GMT`.
pub fn http_date(at: WallTime) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let civil = civil(at);
    let day = usize::from(civil.weekday().to_monday_zero_offset().unsigned_abs());
    let month = usize::from(civil.month().unsigned_abs()) - 1;
    let mut text = *b"Ddd, 00 Mmm 0000 00:00:00 GMT";
    text[0..3].copy_from_slice(DAYS[day].as_bytes());
    text[8..11].copy_from_slice(MONTHS[month].as_bytes());
    write_digits(&mut text[5..7], civil.day().unsigned_abs().into());
    write_digits(&mut text[12..16], civil.year().unsigned_abs());
    write_digits(&mut text[17..19], civil.hour().unsigned_abs().into());
    write_digits(&mut text[20..22], civil.minute().unsigned_abs().into());
    write_digits(&mut text[23..25], civil.second().unsigned_abs().into());
    String::from_utf8_lossy(&text).into_owned()
}

/// `2009-10-12T17:50:30.000Z`.
pub fn iso8601(at: WallTime) -> String {
    let civil = civil(at);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    write_digits(&mut text[0..4], civil.year().unsigned_abs());
    write_digits(&mut text[5..7], civil.month().unsigned_abs().into());
    write_digits(&mut text[8..10], civil.day().unsigned_abs().into());
    write_digits(&mut text[11..13], civil.hour().unsigned_abs().into());
    write_digits(&mut text[14..16], civil.minute().unsigned_abs().into());
    write_digits(&mut text[17..19], civil.second().unsigned_abs().into());
    write_digits(&mut text[20..23], civil.millisecond().unsigned_abs());
    String::from_utf8_lossy(&text).into_owned()
}

/// Reads `2009-10-12T17:50:30.000Z`, the fraction left out or not; `None` for other forms of ISO 8601.
pub fn parse_iso8601(text: &str) -> Option<WallTime> {
    let (date_time, fraction) = match text.strip_suffix('Z')?.split_once('.') {
        Some((date_time, fraction)) => (date_time, fraction),
        None => (text.strip_suffix('Z')?, "0"),
    };
    let pattern = b"0000-00-00T00:00:00";
    let same_form = date_time.len() == pattern.len()
        && date_time.bytes().zip(pattern).all(|(byte, like)| match like {
            b'0' => byte.is_ascii_digit(),
            other => byte == *other,
        });
    let good_fraction =
        (1..=9).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !same_form || !good_fraction {
        return None;
    }
    wall_time(text.parse().ok()?)
}

/// The number that these few digits are; `None` if one is none.
fn read_digits(digits: &[u8]) -> Option<i16> {
    digits.iter().try_fold(0, |number: i16, digit| {
        let digit = digit.is_ascii_digit().then(|| i16::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// Fills `slot` with the last digits of `number`.
fn write_digits(slot: &mut [u8], mut number: u16) {
    for digit in slot.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).expect("one digit");
        number /= 10;
    }
}

fn civil(at: WallTime) -> DateTime {
    // Why the fallback: 64 bits of nanoseconds end in the year 2554, within jiff's range.
    let timestamp = Timestamp::from_nanosecond(i128::from(at.nanos())).unwrap_or(Timestamp::MAX);
    Offset::UTC.to_datetime(timestamp)
}

fn wall_time(timestamp: Timestamp) -> Option<WallTime> {
    u64::try_from(timestamp.as_nanosecond()).ok().map(WallTime::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_one_moment() {
        let at = WallTime::from_nanos(1_445_412_480_123_000_000);
        assert_eq!(http_date(at), "Wed, 21 Oct 2015 07:28:00 GMT");
        assert_eq!(iso8601(at), "2015-10-21T07:28:00.123Z");
        assert_eq!(SigningTime::of(at).text(), "20151021T072800Z");
        assert_eq!(SigningTime::of(at).day(), "20151021");
    }

    #[test]
    fn what_is_written_reads_back() {
        let at = WallTime::from_secs(1_709_210_096);
        assert_eq!(parse_http_date(&http_date(at)), Some(at));
        assert_eq!(SigningTime::parse(SigningTime::of(at).text()).map(|time| time.at()), Some(at));
    }

    #[test]
    fn only_s3s_own_form_of_iso_8601_is_read() {
        let at = WallTime::from_nanos(1_445_412_480_123_000_000);
        assert_eq!(parse_iso8601(&iso8601(at)), Some(at));
        assert_eq!(parse_iso8601("2015-10-21T07:28:00Z"), Some(WallTime::from_secs(at.secs())));
        for text in [
            "",
            "Z",
            "2015-10-21",
            "2015-10-21T07:28:00",
            "2015-10-21 07:28:00Z",
            "2015-10-21T07:28:00+00:00",
            "2015-10-21T07:28:00.Z",
            "2015-10-21T07:28:00.1234567890Z",
            "2015-13-21T07:28:00Z",
            "2015-10-21t07:28:00Z",
        ] {
            assert_eq!(parse_iso8601(text), None, "{text}");
        }
    }

    #[test]
    fn other_forms_are_not_signing_times() {
        for text in [
            "",
            "20130524",
            "2013-05-24T00:00Z",
            "20131324T000000Z",
            "20130524T000000+",
            "20130524T24000Z0",
            "2013052+T000000Z",
        ] {
            assert_eq!(SigningTime::parse(text), None, "{text}");
        }
    }
}
