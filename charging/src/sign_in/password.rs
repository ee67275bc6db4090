//! Which service passwords are accepted.

use crate::subscriber::Msisdn;

/// Fewest and most characters.
pub const PASSWORD_CHARS_MIN: usize = 6;
pub const PASSWORD_CHARS_MAX: usize = 64;

/// Why a new service password is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    #[error("it has not {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters")]
    Length,
    #[error("it is one character repeated, or a run such as 123456")]
    Pattern,
    #[error("it is part of the own number")]
    OwnNumber,
}

/// Refuses what is guessed first: repetitions, runs, parts of the own number.
///
/// # Errors
/// The reason for refusing it.
pub fn check_new_password(password: &str, msisdn: &Msisdn) -> Result<(), WeakPassword> {
    let chars: Vec<u32> = password.chars().map(u32::from).collect();
    if !(PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&chars.len()) {
        return Err(WeakPassword::Length);
    }
    let steps_are = |step: i64| chars.windows(2).all(|pair| i64::from(pair[1]) - i64::from(pair[0]) == step);
    if [-1, 0, 1].into_iter().any(steps_are) {
        return Err(WeakPassword::Pattern);
    }
    if msisdn.as_str().contains(password) {
        return Err(WeakPassword::OwnNumber);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_guessed_first_is_refused() {
        let msisdn: Msisdn = "13800135246".parse().unwrap();
        let check = |password: &str| check_new_password(password, &msisdn);
        assert_eq!(check("12345"), Err(WeakPassword::Length));
        assert_eq!(check(&"ab".repeat(33)), Err(WeakPassword::Length));
        for password in ["000000", "123456", "987654", "abcdef"] {
            assert_eq!(check(password), Err(WeakPassword::Pattern), "{password}");
        }
        assert_eq!(check("135246"), Err(WeakPassword::OwnNumber));
        assert_eq!(check("264813"), Ok(()));
    }
}
