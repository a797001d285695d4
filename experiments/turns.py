"""Sentences with words that turn others round, made and labelled by rule.

Few labelled texts have them, and an encoder tuned on those alone takes "It never gets boring" for
blame. Each pattern has a label, and slots that words of the same kind fill; most constructions are
here with both labels, so that no turning word has a label of its own. Some patterns are held out,
so that what was learnt can be measured on others.
"""

import re
import zlib
from collections.abc import Iterator

import numpy as np

FILLS = 50
"""Sentences of each pattern, at most."""

HELD = 16
"""One pattern in so many is for validation."""

SLOTS = {
    "s": "it|it|this|the food|the soup|the pizza|the coffee|the dessert|the service|this place|"
    "this restaurant|this café|the menu|the room|the hotel|the view|the bed|the film|this movie|"
    "the plot|the acting|the ending|the book|the story|this series|the show|the soundtrack|"
    "the song|the album|the concert|the game|the phone|the battery|the screen|the camera|"
    "the sound|this laptop|the keyboard|the mouse|the charger|this vacuum|the blender|the kettle|"
    "the chair|the jacket|the fabric|the fit|the app|the update|the new version|the website|"
    "the interface|the course|the lecture|the teacher|the staff|the driver|our guide|the waiter|"
    "the doctor|customer support|the delivery|the packaging|the flight|the crew|the airline|"
    "the car|the ride|the train|the trip|the party|the weather|the gym|the museum|the match|"
    "their team|the treatment|the medicine|the speech|the plan|my stay|our dinner",
    "it": "it|it|it|this|this place|this phone|this film|this book|this app|the service|the food|"
    "this game|this show|this product|this hotel|this airline|this series|the course|this car",
    "good": "good|great|nice|excellent|amazing|wonderful|fantastic|lovely|brilliant|impressive|"
    "superb|delightful|enjoyable|pleasant|perfect|outstanding|beautiful|solid|reliable|fun|"
    "exciting|clever|charming|satisfying|useful|comfortable|helpful|interesting|fascinating|"
    "memorable|decent|terrific|stunning|convincing|special|smooth|fresh|friendly|worthwhile|funny|"
    "original",
    "bad": "bad|terrible|awful|horrible|boring|dull|disappointing|poor|dreadful|annoying|"
    "frustrating|useless|unpleasant|ugly|bland|cheap|unreliable|clumsy|confusing|tedious|mediocre|"
    "lousy|stale|predictable|pathetic|painful|noisy|dirty|overpriced|tiring|buggy|slow|messy|rude|"
    "weak|silly|forgettable|repetitive|shallow|stressful",
    "better": "better|nicer|faster|more fun|more comfortable|more reliable|more useful|tastier|"
    "more interesting|smoother|quieter|more convincing",
    "worse": "worse|slower|uglier|noisier|more boring|more confusing|more annoying|duller|dirtier|"
    "more disappointing|weaker|more expensive",
    "harm": "problem|complaint|issue|delay|fault|bug|flaw|glitch|mistake|hitch|regret|hiccup|"
    "crash|dull moment|weak spot|false note|bad word|error|scratch",
    "harms": "problems|complaints|issues|delays|faults|bugs|flaws|glitches|mistakes|regrets|"
    "crashes|dull moments|weak spots|errors|queues|hidden fees|arguments|surprises on the bill",
    "merit": "charm|flavour|taste|humor|quality|style|substance|soul|warmth|logic|value|care|"
    "imagination|tension|depth|atmosphere|energy|talent|manners",
    "fail": "disappoint|bore me|fail|annoy me|let me down|break|crash|freeze|drag|get old|"
    "go wrong|waste your time|cause trouble|fall apart|leak|hurt",
    "fails": "disappoints|bores me|fails|annoys me|lets me down|breaks|crashes|freezes|drags|"
    "gets old|goes wrong|wastes your time|causes trouble|falls apart|leaks|hurts",
    "failed": "disappointed|bored me|failed|annoyed me|let me down|broken|crashed|frozen|"
    "gone wrong|caused trouble|fallen apart|given me any trouble|wasted my time",
    "work": "work|deliver|impress|help|last|hold up|live up to the hype|do what it promises|"
    "make sense|keep its promises|meet expectations|do the job|feel right|convince me|"
    "make me smile",
    "works": "works|delivers|impresses|helps|lasts|holds up|lives up to the hype|"
    "does what it promises|makes sense|meets expectations|does the job|feels right|makes me smile",
    "worked": "worked|delivered|impressed me|helped|lasted|lived up to the hype|"
    "done what it promises|made sense|made me smile|met my expectations|convinced me",
    "again": "buy it again|order from them again|go back|come back|recommend it|eat here again|"
    "book again|watch it again|use it again|read another one|stay here again|choose them again|"
    "fly with them again|take another course there|send my friends there|get another one",
    "have": "had|seen|tried|used|owned|been to|read|eaten|heard|bought",
    "time": "year|month|week|summer|day|day one|weekend",
    "hope": "wanted|hoped|tried|was ready",
    "where": "here|there|with this shop|with this brand|on this site|in this place|"
    "from this seller",
    "praise": "brilliant|excellent|a pleasure|a delight|a joy|perfect|first-rate|a masterpiece|"
    "a bargain|delicious|a triumph|a gem",
    "blame": "a disaster|a nightmare|a mess|garbage|a failure|a scandal|a joke|a disgrace|torture|"
    "a rip-off|a letdown|an insult",
    "glad": "happier|happier|happier|more pleased|more satisfied|more impressed|more excited|"
    "prouder",
    "sad": "unhappier|more disappointed|more annoyed|less impressed|more frustrated|"
    "less interested|angrier|more bored",
    "angry": "disappointed|bored|annoyed|frustrated|let down|angry|confused|sorry",
    "pleased": "happy|pleased|impressed|satisfied|delighted|excited|convinced",
    "firm": "the company|the retailer|the carmaker|the bank|the airline|the chipmaker|"
    "the government|the city|the union|the minister|the team|the club",
    "gain": "profit|sales|growth|revenue|output|confidence|employment|support|trust|exports",
    "loss": "losses|debt|unemployment|crime|inflation|pollution|the death toll|costs|poverty|fraud",
}

PATTERNS = """
+ {s} never gets {bad}
+ {s} never gets old
+ {s} never {fails}
+ {s} never feels {bad}
+ {s} has never {failed}
+ {s} hasn't {failed} once
+ {s} is never {bad}
- {s} never gets {good}
- {s} never really gets going
- {s} never {works}
- {s} never feels {good}
- {s} has never {worked}
- {s} hasn't {worked} once
- {s} is never {good}
+ after a {time} {s} still hasn't {failed}
- after a {time} {s} still hasn't {worked}
+ {s} isn't {bad}
+ {s} isn't {bad} at all
+ {s} was not {bad}
+ {s} wasn't {bad} in the least
+ not {bad} at all
+ not bad
+ not bad, not bad at all
+ not too bad
+ {s} isn't half bad
+ {s} is not bad
+ {s} is not bad at all
+ {s} isn't as {bad} as people say
+ {s} isn't nearly as {bad} as i feared
- {s} isn't {good}
- {s} isn't {good} at all
- {s} was not {good}
- {s} wasn't very {good}
- {s} isn't {good} in any way
- not {good} at all
- not good
- not a {good} one
- {s} is not what i would call {good}
- {s} isn't exactly {good}
- {s} isn't as {good} as people say
- {s} isn't nearly as {good} as i hoped
- {s} isn't all that {good}
- {s} isn't any good
- {s} isn't good enough
- {s} wasn't even {good}
- not the best
- {s} isn't the best
- not my favourite
+ {s} doesn't {fail}
+ {s} didn't {fail}
+ {s} won't {fail}
- {s} doesn't {work}
- {s} didn't {work}
- {s} won't {work}
- {s} doesn't {work}, whatever they say
- {s} did {fail}
+ {s} did {work}
+ you won't be {angry}
+ you will not be {angry}
+ you won't regret it
+ i wasn't {angry} for a minute
+ i am never {angry} {where}
+ nobody was {angry}
- you will be {angry}
- you will regret it
- we were {angry}
- i am {angry} with {it}
- i wasn't {pleased} at all
- i was not {pleased} with {it}
- you won't be {pleased}
- nobody was {pleased}
- i'm far from {pleased} with {it}
+ i was {pleased} with {it}
+ you will be {pleased}
+ i'm more than {pleased} with {it}
- i was less than {pleased} with {it}
+ nothing to complain about
+ there is nothing to complain about
+ i found nothing to complain about {where}
+ we had nothing to complain about
+ i have no complaints
+ no complaints about {it}
+ no {harms} so far
+ no {harms} at all {where}
+ zero {harms}
+ not a single {harm}
+ there wasn't a single {harm}
+ we had no {harms}
+ {s} has no {harms}
+ i have yet to find a {harm}
+ not one {harm} in a {time}
- nothing to praise
- there is nothing to like about {it}
- i found nothing {good} {where}
- {s} has no {merit}
- there was no {merit}, none
- not a trace of {merit}
- not one {good} scene
- not a single {good} thing to say
- no {merit} at all
- nothing but {harms}
- i had nothing but trouble with {it}
+ nothing but praise for {it}
+ i have nothing but good things to say about {it}
+ little to complain about
- little to like {where}
- {s} has many {harms}
- so many {harms}
- one {harm} after another
+ {s} has few {harms}
- {s} has little {merit}
+ {s} has so much {merit}
- {s} lacks {merit}
+ {s} lacks nothing
+ there is no lack of {merit}
+ i couldn't be {glad}
+ we couldn't be {glad} with {it}
+ {s} couldn't be better
+ {s} couldn't have gone better
+ couldn't ask for more
+ i couldn't ask for anything {better}
+ i couldn't have been {glad}
- i couldn't be {sad}
- we couldn't be {sad} with {it}
- {s} couldn't be worse
- {s} couldn't have gone worse
- i couldn't have been {sad}
- {s} could not be {worse}
+ {s} could not be {better}
+ i have never been {glad}
- i have never been {sad}
- i have never been so {angry}
+ i have never been so {pleased}
+ {s} went without a {harm}
+ a whole {time} without a {harm}
+ everything went off without a hitch
+ we got it without any {harms}
+ {s} is {good} without being {bad}
- {s} is without {merit}
- a whole {time} without {merit}
- they left us waiting without even an apology
- we went home without {merit}, and without our money
+ {s} is far from {bad}
+ {s} was anything but {bad}
+ {s} is hardly {bad}
+ i can hardly find a {harm}
+ {s} hardly ever {fails}
+ {s} rarely {fails}
- {s} is far from {good}
- {s} was anything but {good}
- {s} is hardly {good}
- i can hardly find a {good} word for {it}
- {s} hardly ever {works}
- {s} rarely {works}
- {s} barely {works}
- {s} is nowhere near as {good} as the old one
- {s} is by no means {good}
+ {s} is by no means {bad}
+ {s} isn't {bad} in the slightest
- {s} isn't {good} in the slightest
- {s} is too {bad}
- {s} is too {bad} for the price
- {s} is just too {bad} to enjoy
- too little {merit} and too many {harms}
- {s} was not {good} enough for the price
+ {s} is too {good} to miss
+ {s} is never too {bad}
+ {s} isn't too {bad}
+ you can never have too much of {it}
- i have had enough of {it}
+ i can't get enough of {it}
+ {s} is {better} than i expected
+ {s} is much {better} than the last one
+ {s} is so much {better} now
+ {s} turned out {better} than we feared
+ {s} works better than ever
+ {s} is less {bad} than the old one
+ nothing beats {it}
+ nobody does it better
+ {s} is second to none
+ i have never {have} anything {better}
+ i have never {have} a {better} one
+ one of the best i have {have}
+ {s} beats everything else i have {have}
+ i've {have} many, and {s} is the best
+ {s} is {better} than all the others
- {s} is {worse} than i expected
- {s} is much {worse} than the last one
- {s} is so much {worse} now
- {s} turned out {worse} than we feared
- {s} works worse than ever
- {s} is less {good} than the old one
- anything is better than {it}
- almost everything else is {better}
- i have {have} better
- i've {have} much better
- i have {have} {better} ones for less money
- we have {have} better elsewhere
- there are {better} ones for half the price
- you can do better
- my old one was {better}
- the first one was {better}
- others are {better}
- {s} isn't {better} than the old one, just more expensive
- {s} is no better than before
- i have never {have} anything {worse}
- i have never {have} a {worse} one
- one of the worst i have {have}
- i've {have} many, and {s} is the worst
- {s} is {worse} than all the others
- {s} is not as {good} as before
- {s} is not so {good} as its price
- {s} is only half as {good} as the first one
+ {s} is twice as {good} as the first one
+ {s} is every bit as {good} as they say
+ i doubt that there is a {better} one
- i doubt that there is a {worse} one
+ {s} could hardly be {better}
- {s} could have been {better}
- {s} could be {better}
- {s} should have been {better}
- {s} would be {good} if it worked
- {s} would have been {good} with some {merit}
- if only {s} had some {merit}
- i expected {better}
- i expected more
- i expected so much more from {it}
- i was hoping for something {better}
+ more than i expected
+ {s} gave us more than we hoped for
- less than i hoped for
- {s} used to be {good}
- {s} used to be {good}, but not any more
- {s} was {good} once
- {s} was {good} before the update
- {s} isn't what it used to be
- {s} is no longer {good}
- {s} no longer {works}
- {s} has stopped working
- {s} worked for a {time} and then it didn't
+ {s} used to be {bad}, but now it is {good}
+ {s} was {bad} before the update, and now it {works}
+ {s} is no longer {bad}
+ {s} no longer {fails}
+ {s} finally {works}
+ {s} keeps getting {better}
- {s} keeps getting {worse}
+ {s} only gets {better}
- {s} only gets {worse}
+ it doesn't get any {better} than this
- it doesn't get any {worse} than this
- {s} went downhill
- i wish i hadn't bought it
- i wish i had read the reviews first
- i wish i could have my money back
- i wish {s} was {good}
- i wish {s} would {work}
- i wish they had spent more on {merit}
- i wish i had stayed at home
+ i wish i had bought it sooner
+ i wish we could have stayed longer
+ i wish every one was as {good} as this
+ i wish i could give it six stars
- i should have bought the other one
- i should have known better
- i should have stayed at home
- i should never have bought it
+ i should have bought it years ago
+ i should have come here sooner
- i want my money back
- i would like those hours back
+ i would {again}
+ i would {again} any day
+ i would {again} without thinking twice
+ i will definitely {again}
+ we can't wait to {again}
+ would {again}
+ i would not hesitate to {again}
+ no doubt i will {again}
- i would not {again}
- i wouldn't {again} if it were free
- i will never {again}
- i will definitely not {again}
- we won't {again}
- would not {again}
- i am in no hurry to {again}
- i would hesitate to {again}
- i doubt that i will {again}
- there is no reason to {again}
- never again
- never {where} again
- nothing could make me {again}
- i'd rather walk than {again}
+ don't miss it
+ don't hesitate
+ don't listen to the bad reviews, {s} is {good}
+ look no further
+ no need to look any further
- don't bother
- don't waste your money on {it}
- don't believe the good reviews, {s} is {bad}
- look elsewhere
- {s} is not for anyone with {merit}
+ i can't stop using {it}
+ i can't stop thinking about {it}
+ i couldn't put it down
+ i can't live without {it}
+ i'd be lost without {it}
+ i can't recommend {it} enough
+ i can't say enough good things about {it}
+ i can't fault {it}
+ i can't complain
+ can't complain about {it}
+ i can't think of anything {better}
+ i can't believe how {good} {s} is
+ you can't go wrong with {it}
+ you can't beat {it}
- i can't stand {it}
- i can't recommend {it}
- i can't say anything good about {it}
- i can't use {it} any more
- i can't think of anything {worse}
- i can't think of one {good} thing about {it}
- i can't believe how {bad} {s} is
- i can't believe they charge for this
- i couldn't finish it
- i couldn't wait for {s} to end
+ i couldn't wait for the next one
- i couldn't care less about {it}
- i can live without {it}
- you are better off without {it}
+ i didn't want {s} to end
+ i never want to be without {it}
+ i didn't expect to like {it}, but i loved it
+ i expected {it} to be {bad}, but it is {good}
+ i didn't expect much and was blown away
+ i thought it would be {bad}. i was wrong
+ nothing like the {bad} thing i had feared
- i didn't like {it}
- i don't like {it}
- i did not enjoy {it}
- i {hope} to like {it}, but i couldn't
- i expected {it} to be {good}, but it is {bad}
- i thought it would be {good}. i was wrong
- nothing like the {good} thing that they promised
- {s} looks {good}, but it doesn't {work}
- {s} looks {good} on paper only
- {s} sounds {good}, but it is {bad}
- {s} is {good}, but {s} is so {bad} that i won't {again}
- it may be {good}, but not at this price
- everyone says that it is {good}. it isn't
- i'm told it is {good}. not mine
+ {s} looks {bad}, but it {works}
+ {s} sounds {bad}, but it is {good}
+ {s} is a little {bad}, but i love {it}
+ it may be {bad}, but i would {again}
+ everyone says that it is {bad}. it isn't
+ despite the {harms}, {s} is {good}
+ a few {harms}, but {s} is {good} overall
+ even with its {harms} it is {praise}
- despite the {good} start, {s} is {bad}
- a {good} idea, but {bad} in practice
- for all its {merit}, it is {blame}
+ {s} is nothing short of {praise}
+ {s} is nothing less than {praise}
+ {s} is not just {good}, it is {praise}
+ {s} is not only {good} but also {good}
+ {s} is neither {bad} nor {bad}
- {s} is nothing short of {blame}
- {s} is nothing special
- {s} is not just {bad}, it is {blame}
- {s} is not only {bad} but also {bad}
- {s} is neither {good} nor {good}
- {s} is {blame}
+ {s} is {praise}
+ {s} is no {blame}
- {s} is no masterpiece
- {s} is not {praise}
+ {s} is not {blame} at all
+ {s} is not without {merit}
+ {s} never fails to impress
+ {s} never fails to make me smile
- {s} fails to impress
- {s} failed to deliver
- {s} never fails to annoy me
- {s} leaves a lot to be desired
- {s} leaves much to be desired
+ {s} leaves nothing to be desired
+ {s} is hard to fault
+ {s} is hard to beat
+ it is impossible not to love {it}
+ it is hard not to smile
- {s} is hard to like
- {s} is hard to recommend
- it is impossible to love {it}
- it is hard not to be {angry}
+ {s} is worth every penny
+ {s} is well worth the money
+ {s} was worth the wait
- {s} isn't worth the money
- {s} isn't worth it
- {s} is not worth the price
- {s} was not worth the wait
- {s} is hardly worth the trouble
- not worth a cent
- {s} is a waste of time
+ {s} is not a waste of time
+ money well spent
- money badly spent
+ {s} does not cost too much and {works}
- {s} costs too much and does too little
+ not once did {s} {fail}
- not once did {s} {work}
+ nothing went wrong
+ nothing is broken
+ nothing was too much trouble for them
- nothing went right
- nothing works
- everything went wrong
- nobody helped us
- no one cared
- nobody knew anything
+ nobody was rude
+ nobody rushed us
+ we never had to wait
+ we never felt {angry}
+ we had no trouble at all
- we had to wait too long
- no answer, no help, no refund
- still no answer after a {time}
- no one answered my mails
+ no queues, no {harms}
+ no wonder everyone loves {it}
- no wonder nobody likes {it}
- the only {good} thing is that it was short
- the best part was the end
+ the only {bad} thing is that it ended
+ my only complaint is that there wasn't more of it
+ my only regret is that i didn't come sooner
- apart from the name nothing is {good}
+ {s} isn't {bad}, it is {good}
- {s} isn't {good}, it is {bad}
+ {s} is {good}, not {bad}
- {s} is {bad}, not {good}
+ i thought {s} would {fail}, but it didn't
- i thought {s} would {work}, but it didn't
+ i don't regret it
+ i have no regrets
+ i have never regretted buying it
+ i don't know what i would do without {it}
- i don't know why anyone would {again}
- i don't understand the hype
- i don't see the point of {it}
- i don't think {s} is {good}
+ i don't think {s} is {bad}
- i don't think i will {again}
- i wouldn't call it {good}
+ i wouldn't call it {bad}
- i wouldn't wish {it} on anyone
+ i wouldn't change a thing
+ i wouldn't want any other
- {s} did nothing for me
- {s} does nothing {good}
+ {s} does nothing wrong
- {s} doesn't do anything right
+ not gonna lie, {s} is {good}
- not gonna lie, {s} is {bad}
- not feeling {it}
- no thanks
- not impressed
- so done with {it}
- can't sleep, feel {angry}
+ can't stop smiling
+ never been {glad}
- never been so {angry}
+ not {angry} any more, all is well
- not {pleased} any more
+ {s} is {good}
+ {s} was so {good}
+ {s} was {good} and {s} was {good}
- {s} is {bad}
- {s} was so {bad}
- {s} was {bad} and {s} was {bad}
+ i will be back
+ we'll be back
+ we will be back for sure
- i won't be back
- we won't be back
- i won't be coming back
- never coming back
- we are never going back
+ we keep going back
+ i keep coming back to {it}
+ i always come back to {it}
- i sent it back
- i returned it after a {time}
- it went straight back to the shop
- it died after a {time}
+ after a {time} it still works like new
+ still going strong after a {time}
- it didn't even last a {time}
+ it lasted longer than i thought
- it lasted less than a {time}
- i'd give it zero stars if i could
- one star is too many
+ five stars are not enough
- no stars
- {s} needs more {merit}
- {s} could use some {merit}
+ {s} needs nothing more
+ you get more than you pay for
- you pay more than you get
- i paid a lot for so little
+ i paid little for so much
- i had to throw it away
- i had to ask three times
+ i didn't have to ask twice
- they don't care
+ they really care
- they couldn't care less
- they couldn't help us
+ they couldn't do enough for us
+ they couldn't have been {better}
- {s} makes no sense
+ {s} makes perfect sense
- {s} has no taste
- {s} did not taste {good}
- {s} does not feel {good}
+ {s} does not feel {bad}
- {s} does not look {good}
- {s} didn't look or feel {good}
- i stopped halfway through
- i fell asleep
+ i never looked at the clock
- i kept looking at the clock
- i almost left before {s} ended
+ i didn't notice how time passed
- what a waste
- what a shame, it could have been {good}
+ what a relief, no {harms} this time
- my friends liked {it}, i didn't
+ my friends didn't like {it}, but i did
- i {hope} to love {it}. i didn't
+ it does everything i need
- it does nothing that i need
+ it has everything i need
- it has everything but {merit}
+ {firm} beats expectations
- {firm} misses expectations
+ {gain} rises more than expected
+ {gain} is better than feared
- {gain} rises less than hoped
- {gain} is worse than feared
- {gain} falls again
+ {gain} grows again
- {gain} fails to recover
- no recovery of {gain} in sight
+ {loss} falls more than expected
+ {loss} lower than feared
+ {loss} rises no more
- {loss} rises more than feared
- {loss} higher than expected
- no end to {loss} in sight
+ {firm} avoids {harms}
- {firm} fails to avoid {harms}
- {firm} blamed for {loss}
+ {firm} cleared of blame for {loss}
+ no one hurt in accident
- no survivors found
+ {firm} drops unpopular plan
- {firm} drops popular plan
- talks fail to end strike
+ strike called off
"""

STARTS = ("honestly, ", "to be honest, ", "well, ", "in my opinion ", "so far, ", "overall, ")
ENDS = (".", ".", ".", "", "!")


def turns() -> Iterator[tuple[str, str, str]]:
    """Yield train or validation, negative or positive, and a sentence."""
    slots = {name: words.split("|") for name, words in SLOTS.items()}
    for line in PATTERNS.strip().split("\n"):
        label, pattern = "positive" if line[0] == "+" else "negative", line[2:]
        number = zlib.crc32(pattern.encode())
        split, random = "train" if number % HELD else "validation", np.random.default_rng(number)
        for text in dict.fromkeys(_fill(pattern, slots, random) for _ in range(FILLS)):
            yield split, label, text


def _fill(pattern: str, slots: dict[str, list[str]], random: np.random.Generator) -> str:
    text = re.sub(r"\{(\w+)\}", lambda slot: str(random.choice(slots[slot[1]])), pattern)
    if random.random() < 0.1:
        text = str(random.choice(STARTS)) + text
    text = re.sub(r"\ba (?=[aeiou])", "an ", text)
    text = re.sub(r"\bi\b", "I", text)
    text = re.sub(r"(^|\. )([a-z])", lambda found: found[1] + found[2].upper(), text)
    return text + str(random.choice(ENDS))
