"""The controls that rules answer to: by id, of which framework, what it asks in this project's own words, and where that stands.

Only what a rule over a stack's resources can speak to is listed; a framework's controls over people and paper are not. Japan's DS-920
(Digital Agency, 2025-05-27) is left out: no public copy of its text was at hand, and a control is mapped from its text or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Control:
    """One control. `title` is what it asks, in short; `source` names the document and where in it."""

    id: str
    framework: str
    title: str
    source: str


_SOC2 = {
    "CC6.1": "Access to systems and data goes through logical safeguards, secrets and keys among them",
    "CC6.2": "Who or what gets credentials is registered and authorised first, and loses them when no longer needed",
    "CC6.3": "Rights follow roles: least privilege, and duties kept apart",
    "CC6.6": "What reaches in from outside the boundary is held off",
    "CC6.7": "Information is moved and removed only by whom and to where it may, and protected on the way",
    "CC6.8": "Software that isn't authorised, or is malicious, is kept out or found",
    "CC7.1": "Changed configurations and new weak points are found",
    "CC7.2": "Systems are watched for what points to an attack, a fault or an error",
    "CC7.3": "Security events are judged, and kept so that they can be",
    "CC7.5": "The means to recover from an incident are there",
    "CC8.1": "Changes are authorised, tested and approved before they are made",
    "CC9.2": "Risks from vendors and partners are assessed and managed",
}

_ISO27001 = {
    "A.5.14": "Rules for transferring information, within and to others",
    "A.5.15": "Rules for who may access what, physically and logically",
    "A.5.17": "Passwords, keys and other authentication information are allotted and kept under control",
    "A.5.21": "Security along the supply chain of information technology",
    "A.5.23": "Cloud services are taken, used and left by rule",
    "A.5.31": "Legal, statutory, regulatory and contractual duties are known and met",
    "A.5.33": "Records are kept from loss, destruction, falsification and disclosure",
    "A.5.34": "Privacy and personal data are protected as the law asks",
    "A.8.2": "Privileged rights are few and managed",
    "A.8.3": "Access to information is restricted as the rules say",
    "A.8.5": "Authentication is by secure technology and procedure",
    "A.8.6": "Use of resources is watched and bounded",
    "A.8.8": "Technical vulnerabilities are known and treated",
    "A.8.9": "Configurations are set, recorded, watched and reviewed",
    "A.8.12": "Measures against leaks of sensitive information",
    "A.8.13": "Copies of information and systems are kept and tried",
    "A.8.14": "Enough redundancy to stay available",
    "A.8.15": "Logs of activities, faults and events are made, kept and protected",
    "A.8.16": "Networks, systems and applications are watched for the unusual",
    "A.8.18": "Programs that can override controls are restricted",
    "A.8.19": "Software is installed on running systems by rule",
    "A.8.20": "Networks and their devices are secured and controlled",
    "A.8.21": "What a network's services must secure is set and watched",
    "A.8.22": "Groups of services, users and systems are in networks of their own",
    "A.8.23": "Access to outside sites is filtered",
    "A.8.24": "Cryptography, and its keys, are used by rule",
    "A.8.31": "Development, test and production are kept apart",
    "A.8.32": "Changes to systems follow a procedure",
}

_NIST = {
    "AC-3": "Access is enforced as authorised",
    "AC-4": "Flows of information within and between systems follow policy",
    "AC-5": "Duties are separated",
    "AC-6": "Least privilege",
    "AC-17": "Remote access is authorised, restricted and protected",
    "AU-2": "Which events are logged is decided",
    "AU-5": "A failure of logging is noticed and answered",
    "AU-9": "Audit records and tools are protected from change, deletion and unauthorised reading",
    "AU-10": "Who did something can't deny it",
    "AU-11": "Audit records are kept long enough",
    "AU-12": "Audit records are generated where events happen",
    "CA-3": "Exchange of information with other systems is agreed and documented",
    "CM-2": "A baseline configuration is kept",
    "CM-3": "Changes are controlled",
    "CM-5": "Who may change systems is restricted",
    "CM-6": "Settings are the most restrictive that serve",
    "CM-7": "Least functionality: only the functions, ports and services that are needed",
    "CM-14": "Components are installed only when their signature is verified",
    "CP-9": "Backups of system and data",
    "CP-10": "Systems can be recovered to a known state",
    "IA-2": "Users are identified and authenticated",
    "IA-5": "Authenticators are managed: issued, protected, renewed",
    "IA-5(7)": "No static authenticator lies unencrypted in code, configuration or storage",
    "IA-9": "Services are identified and authenticated before they talk",
    "SA-9(5)": "Processing, storage and services stay in the places that are allowed",
    "SC-2": "User functions are apart from management functions",
    "SC-4": "Nothing passes unintended through shared resources",
    "SC-5": "Denial of service is bounded",
    "SC-6": "Resources are allotted so that one use can't starve another",
    "SC-7": "Traffic is watched and controlled at the boundary and at key points within",
    "SC-7(3)": "The number of connections to the outside is limited",
    "SC-7(5)": "Traffic is denied by default and allowed by exception",
    "SC-7(8)": "Traffic to outside networks goes through proxies",
    "SC-8": "What is transmitted is kept confidential and whole",
    "SC-12": "Cryptographic keys are made and managed",
    "SC-13": "Cryptography that fits the use",
    "SC-28": "What is stored is kept confidential and whole",
    "SC-39": "Each process has an execution domain of its own",
    "SI-3": "Malicious code is kept out and found",
    "SI-4": "Systems are monitored for attacks and unauthorised use",
    "SI-7": "Software, firmware and information are verified for integrity",
    "SR-3": "The supply chain has controls",
    "SR-4": "Provenance of components is known",
    "SR-11": "Components are genuine",
}

_FRAMEWORKS = (
    ("SOC2", "SOC 2", "AICPA Trust Services Criteria 2017 (points of focus revised 2022), common criteria", _SOC2),
    ("ISO27001", "ISO/IEC 27001:2022", "ISO/IEC 27001:2022, Annex A", _ISO27001),
    ("NIST", "NIST SP 800-53", "NIST SP 800-53 revision 5 (update 1, 2020-12), control catalogue", _NIST),
)

CONTROLS: dict[str, Control] = {
    f"{prefix}:{number}": Control(f"{prefix}:{number}", framework, title, f"{source}, {number}")
    for prefix, framework, source, titles in _FRAMEWORKS
    for number, title in titles.items()
}
"""Every control that a rule can name, by id: `SOC2:CC6.6`, `ISO27001:A.8.20`, `NIST:SC-7(5)`."""
