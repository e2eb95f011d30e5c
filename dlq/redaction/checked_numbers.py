"""Numbers that prove themselves by their check digits: payment cards (Luhn) and IBANs (modulo 97).

The check keeps order numbers and timestamps readable, of which one in ten or one in a hundred would pass;
ranges of cards and lengths of each country's IBAN rule out most of the rest.
"""

import re
from types import MappingProxyType

from dlq.redaction.secret_shapes import MASK

_CARD = re.compile(r"(?<![\w.])(?:\d[ -]?){12,18}\d(?![\w.]\d|\w)")
_CARD_RANGE = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3[068]\d{12}|(?:6011|65\d\d|64[4-9]\d|35\d\d)\d{12}"
)
_IBAN_LENGTHS = MappingProxyType(
    {
        country: length
        for length, countries in {
            15: "NO",
            16: "BE",
            18: "DK FI FO GL NL SD",
            19: "MK SI",
            20: "AT BA EE KZ LT LU XK",
            21: "CH HR LI LV",
            22: "BG BH CR DE GB GE IE ME RS VA",
            23: "AE IL TL",
            24: "AD CZ ES MD PK RO SA SE SK TN VG",
            25: "PT",
            26: "IS TR",
            27: "FR GR IT MC MR SM",
            28: "AL AZ CY DO GT HU LB PL",
            29: "BR EG PS QA UA",
            30: "JO KW MU",
            31: "MT SC",
        }.items()
        for country in countries.split()
    }
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,27}+", re.ASCII)


def without_checked_numbers(text: str) -> str:
    """`text` with cards and IBANs masked."""
    return _IBAN.sub(_masked_iban, _CARD.sub(_masked_card, text))


def is_card(digits: str) -> bool:
    """A number of a known card range that passes the Luhn check; timestamps begin with other digits."""
    if not _CARD_RANGE.fullmatch(digits):
        return False
    doubled = [int(digit) * (1 + index % 2) for index, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


def _masked_card(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match.group())
    return MASK if is_card(digits) else match.group()


def _masked_iban(match: re.Match[str]) -> str:
    """Words in capitals may follow the number, so its country says where it ends."""
    places = [nth for nth, character in enumerate(match[0]) if character not in " -"]
    length = _IBAN_LENGTHS.get(match[0][:2], len(places) + 1)
    if length > len(places):
        return match[0]
    end = places[length - 1] + 1
    compact = re.sub("[ -]", "", match[0][:end])
    return match[0] if match[0][end : end + 1].isalnum() or not _is_iban(compact) else MASK + match[0][end:]


def _is_iban(compact: str) -> bool:
    digits = "".join(str(int(character, 36)) for character in compact[4:] + compact[:4])
    return int(digits) % 97 == 1
