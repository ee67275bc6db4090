//! Which passwords of the staff are accepted.

use std::collections::HashSet;

use super::Login;

/// Fewest and most characters.
pub const PASSWORD_CHARS_MIN: usize = 10;
pub const PASSWORD_CHARS_MAX: usize = 64;

/// Fewest different characters.
const DIFFERENT_MIN: usize = 5;

/// Why a new password is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    #[error("it has not {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters")]
    Length,
    #[error("it is few characters repeated, or a run such as 1234567890")]
    Pattern,
    #[error("it holds the sign-in name")]
    OwnName,
}

/// Length counts, and what is guessed first is refused; which kinds of characters it has does not matter (NIST SP 800-63B, 3.1.1).
///
/// # Errors
/// The reason for refusing it.
pub fn check_new_password(password: &str, login: &Login) -> Result<(), WeakPassword> {
    let chars: Vec<u32> = password.chars().map(u32::from).collect();
    if !(PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&chars.len()) {
        return Err(WeakPassword::Length);
    }
    let different: HashSet<u32> = chars.iter().copied().collect();
    let steps_are = |step: i64| {
        let equal = chars.windows(2).filter(|pair| i64::from(pair[1]) - i64::from(pair[0]) == step).count();
        // 1234567890 turns over once.
        equal + 2 >= chars.len()
    };
    if different.len() < DIFFERENT_MIN || [-1, 1].into_iter().any(steps_are) {
        return Err(WeakPassword::Pattern);
    }
    if password.to_lowercase().contains(login.as_str()) {
        return Err(WeakPassword::OwnName);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_guessed_first_is_refused() {
        let login: Login = "li.na".parse().unwrap();
        let check = |password: &str| check_new_password(password, &login);
        assert_eq!(check("short-one"), Err(WeakPassword::Length));
        assert_eq!(check(&"长".repeat(65)), Err(WeakPassword::Length));
        for password in ["1234567890", "0123456789", "9876543210", "aaaaaaaaaa", "abababababab", "abcdefghijkl"] {
            assert_eq!(check(password), Err(WeakPassword::Pattern), "{password}");
        }
        assert_eq!(check("my Li.Na is here"), Err(WeakPassword::OwnName));
        for password in ["quiet river stone", "白日依山尽黄河入海流", "vf7-Kq2p.x"] {
            assert_eq!(check(password), Ok(()), "{password}");
        }
    }
}
