"""What a run or a sweep behind servers may spend, as options of a command."""

import argparse

from core.domain.spending import SpendingLimit


def add_cap_to(group: "argparse._ArgumentGroup", *, instead: str = "") -> None:
    """Add --max-money, --max-tokens-spent and --max-requests.

    Args:
        group: of a command's options.
        instead: what stands if none is given, for the help; empty is no cap.
    """
    otherwise = f" ({instead})" if instead else ""
    group.add_argument(
        "--max-money",
        type=float,
        metavar="AMOUNT",
        help=f"pause before it costs more, by the connection's prices{otherwise}",
    )
    group.add_argument(
        "--max-tokens-spent",
        type=int,
        metavar="N",
        help=f"pause before more tokens are taken, of prompts and answers{otherwise}",
    )
    group.add_argument(
        "--max-requests",
        type=int,
        metavar="N",
        help=f"pause before more requests are sent, failed ones included{otherwise}",
    )


def chosen_cap(args: argparse.Namespace) -> SpendingLimit | None:
    """The cap that the options name; None if they name none.

    Raises:
        BadInput: an amount is out of its range.
    """
    cap = SpendingLimit(
        money=args.max_money, tokens=args.max_tokens_spent, requests=args.max_requests
    )
    return cap if cap.on else None
