from services.api.core.device_secret import credential_hash

# Computed with OpenSSL: printf 'secretsaltsaltsalt' | openssl dgst -sha512 -binary | base64.
DIGEST = "3aiBbchfIZo+1WYrkPzJjQxZ79F/NmwLQ+wF073kTd+6ANhaic8G/jWF/X4sqSFUKpLNdm1FZjBck6HQ8knM3A=="


def test_the_form_is_that_of_mosquittos_password_file() -> None:
    assert credential_hash("secret", b"saltsaltsalt") == f"$6$c2FsdHNhbHRzYWx0${DIGEST}"
