"""The words with which questions about papers are put, and which say nothing of the subject."""

from __future__ import annotations

_FUNCTION = """
    a about above after again against all also am among an and any anybody anyone anything are aren as at away back be
    because been before being below between both but by can cannot come comes could did do does doing don done down
    during each either else ever every few for from further get gets getting give given gives go goes going got had has
    have having he her here hers him his how however i if in instead into is isn it its itself just keep kind like lot
    made make makes making many may me might mine more most much must my nor not now of off often on once one ones only
    or other others our ours out over own per put quite rather really same she should since so some somebody someone
    something sort still such take takes than that the their theirs them themselves then there these they thing things
    this those through to too toward towards under until up upon us use used uses using versus very via vs was way ways
    we were what whatever when where whether which while who whom whose why will with within without would you your
    yours
"""
"""English words of grammar, and those so common in questions that they carry no more than grammar."""

_GENRE = """
    paper papers abstract abstracts article articles author authors study studies studied studying work works literature
    research researcher researchers publication publications survey surveys
    propose proposes proposed proposing present presents presented introduce introduces introduced describe describes
    described discuss discusses discussed report reports reported reporting show shows shown claim claims claimed argue
    argues argued mention mentions mentioned compare compares compared comparing contrast find finds found finding list
    lists name names named tell explain say says said suggest suggests according deal deals treat treats conclude
    concludes analyse analyses analysed analysing analyze analyzes analyzed analyzing investigate investigates
    investigated investigating examine examines examined examining new different various several main
"""
"""What any paper does, and what any question about papers may call it."""

SAYS_NOTHING = frozenset((_FUNCTION + _GENRE).split())
