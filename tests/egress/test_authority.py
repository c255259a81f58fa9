"""The perimeter's CA signs hosts, for a short time, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from domicile_host.egress.authority import Authority, AuthorityError, AuthorityPem, make_authority


def test_a_leaf_is_for_its_host_short_lived_and_no_ca():
    pem = make_authority("test")
    leaf = Authority(pem).leaf("api.example.com")
    certificate = x509.load_pem_x509_certificate(leaf.certificate)
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(pem.certificate.encode()))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["api.example.com"]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert certificate.not_valid_after_utc <= datetime.now(UTC) + timedelta(hours=25)
    assert leaf.renew_at < certificate.not_valid_after_utc


def test_a_host_longer_than_a_common_name_gets_a_leaf():
    host = ".".join(["a" * 60] * 3) + ".test"
    certificate = x509.load_pem_x509_certificate(Authority(make_authority("test")).leaf(host).certificate)
    assert host in certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)


def test_the_ca_may_sign_no_further_ca():
    certificate = x509.load_pem_x509_certificate(make_authority("test").certificate.encode())
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


@pytest.mark.parametrize("which", ["certificate", "key", "both"])
def test_an_unusable_ca_is_refused(which):
    good, other = make_authority("test"), make_authority("other")
    pem = {
        "certificate": AuthorityPem("nonsense", good.key),
        "key": AuthorityPem(good.certificate, "nonsense"),
        "both": AuthorityPem(good.certificate, other.key),
    }[which]
    with pytest.raises(AuthorityError):
        Authority(pem)
