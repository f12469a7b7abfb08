"""Labeling functions for a fashion catalogue: they read a product's title, and vote on a tree of categories.

They were written from the titles of the training part and from what one knows of brands and garments; no gold label and
no other title was looked at, and nothing was changed once the labels had been scored. Each looks for one cue. Some cues
say what kind of article a title is about ("Kurta"), some only from which shelf it comes ("Catwalk" makes footwear), and
some answer two questions at once: a kurta is also ethnic wear.

``CUES`` holds them: name -> (what to vote, by task; pattern). Titles are matched in any case.
"""

import labelwright as lw

SPORTS_BRAND = r"nike|puma|adidas|reebok|fila|lotto|asics|spalding|wilson|quechua|kipsta|domyos|newfeel"
# At the end of the title, or before a code, a size or a pack.
END = r"(?:\s+(?:[\w&+-]*\d[\w.]*|pack|set|with\b.*|\(.*))*\s*$"

CUES: dict[str, tuple[dict[str, str], str]] = {
    # What the title ends with
    "ends_tshirt": ({"topwear": "Tshirts"}, rf"\b(?:t-?\s?shirts?|tees?){END}"),
    "ends_shirt": ({"topwear": "Shirts"}, rf"(?<!t-)(?<!t )\bshirts?{END}"),
    "ends_kurta": ({"topwear": "Kurtas", "usage": "Ethnic"}, rf"\bkurtas?{END}"),
    "ends_top": ({"topwear": "Tops"}, rf"\btops?{END}"),
    "ends_sweater": ({"topwear": "Sweaters"}, rf"\bsweaters?{END}"),
    "ends_sweatshirt": ({"topwear": "Sweatshirts"}, rf"\bsweat\s?shirts?{END}"),
    "ends_jacket": ({"topwear": "Jackets"}, rf"\bjackets?{END}"),
    "ends_kurti": ({"topwear": "Kurtis", "usage": "Ethnic"}, rf"\bkurtis?{END}"),
    "ends_jeans": ({"bottomwear": "Jeans", "usage": "Casual"}, rf"\bjeans?{END}"),
    "ends_trousers": ({"bottomwear": "Trousers"}, rf"\b(?:trousers?|chinos?|cargos){END}"),
    "ends_shorts": ({"bottomwear": "Shorts"}, rf"\bshorts?{END}"),
    "ends_track_pants": ({"bottomwear": "Track Pants"}, rf"\btrack\s?pants?{END}"),
    "ends_briefs": ({"innerwear": "Briefs"}, rf"\b(?:v-)?bri?ei?fs?{END}"),
    "ends_vest": ({"innerwear": "Innerwear Vests"}, rf"\bvests?{END}"),
    "ends_casual_shoes": ({"shoes": "Casual Shoes"}, rf"\bcasual\s+(?:shoes?|sneakers?|loafers?){END}"),
    "ends_sports_shoes": ({"shoes": "Sports Shoes", "usage": "Sports"}, rf"\bsports?\s+shoes?{END}"),
    "ends_formal_shoes": ({"shoes": "Formal Shoes", "usage": "Formal"},
        rf"\bformal\s+(?:\w+\s+)?shoes?{END}"),
    "ends_heels": ({"shoes": "Heels"}, rf"\b(?:heels?|wedges?|stilettos?|pumps|peep\s+toes?|platforms){END}"),
    "ends_flats": ({"shoes": "Flats"}, rf"\b(?:flats?|ballerinas?){END}"),
    "ends_sandals": ({"footwear": "Sandal"}, rf"\b(?:sandals?|floaters?|clogs){END}"),
    "ends_flip_flops": ({"footwear": "Flip Flops"}, rf"\b(?:flip\s?-?flops?|slippers?|flops?){END}"),
    "ends_handbag": ({"bags": "Handbags"}, rf"\b(?:hand\s?bags?|tote(?:\s+bag)?|purses?|satchel){END}"),
    "ends_backpack": ({"bags": "Backpacks"}, rf"\b(?:back\s?packs?|rucksacks?){END}"),
    "ends_bag": ({"accessories": "Bags"}, rf"\b(?:bags?|clutch(?:es)?|pouch(?:es)?|shoulderbag|potli){END}"),
    "ends_watch": ({"accessories": "Watches"}, rf"\bwatch(?:es)?{END}"),
    "ends_sunglasses": ({"accessories": "Eyewear"}, rf"\b(?:sunglass(?:es)?|goggles){END}"),
    "ends_wallet": ({"accessories": "Wallets"}, rf"\bwallets?{END}"),
    "ends_belt": ({"accessories": "Belts"}, rf"\bbelts?{END}"),
    "ends_socks": ({"accessories": "Socks"}, rf"\bsocks?{END}"),
    "ends_cap": ({"accessories": "Headwear"}, rf"\b(?:caps?|hats?|beanies?|headbands?|bandanas?){END}"),
    "ends_tie": ({"accessories": "Ties", "usage": "Formal"}, rf"\bties?{END}"),
    "ends_jewellery": ({"accessories": "Jewellery"},
        rf"\b(?:earrings?|necklaces?|pendants?|rings?|bracelets?|bangles?){END}"),
    # The same words anywhere, and others for the same things
    "has_tee": ({"topwear": "Tshirts"}, r"\b(?:t-?\s?shirts?|tees?|jerseys?|crew\s+neck|round\s+neck)\b"),
    "has_shirt": ({"topwear": "Shirts"},
        r"(?<!t-)(?<!t )(?<!polo )\bshirts?\b|\bslim\s+fit\s+(?:check|strip)"),
    "has_kurta": ({"topwear": "Kurtas"}, r"\bkurtas?\b"),
    "has_top": ({"topwear": "Tops"}, r"\btops?\b(?!\s+handle)|\b(?:tank|tunic|cami)\s+tops?\b"),
    "has_sweater": ({"topwear": "Sweaters"}, r"\b(?:sweaters?|cardigans?|pullovers?|knitted|light\s+winter)"),
    "has_sweatshirt": ({"topwear": "Sweatshirts"}, r"\b(?:sweat\s?shirts?|hood(?:ie|ed|y)s?)\b"),
    "has_jacket": ({"topwear": "Jackets"}, r"\b(?:jackets?|wind\s?cheaters?|blazers?|coats?)\b"),
    "has_kurti": ({"topwear": "Kurtis"}, r"\bkurtis?\b"),
    "has_other_top": ({"topwear": "Other"},
        r"\b(?:tunics?|dupattas?|waistcoats?|blazers?|shrugs?|suits?|rompers?|camisoles?)\b"),
    "has_denim": ({"bottomwear": "Jeans"},
        r"\b(?:jeans?|denims?|washed|low\s+rise|(?:narrow|boot|regular)\s+(?:cut|leg))\b(?!\s+(?:women|men"
        r"|casual)\b)"),
    "has_trousers": ({"bottomwear": "Trousers"}, r"\b(?:trousers?|chinos?|cargos?|(?<!track )pants?)\b"),
    "has_shorts": ({"bottomwear": "Shorts"}, r"\b(?:shorts|bermudas?|board\s+short|capri\s+shorts)\b"),
    "has_track_pants": ({"bottomwear": "Track Pants", "usage": "Sports"},
        r"\b(?:track\s?pants?|track\s+bottom|yoga\s+pants?|training\s+pants?)\b"),
    "has_other_bottom": ({"bottomwear": "Other"},
        r"\b(?:skirts?|leggings?|jeggings?|capris?|tights|stockings|churidars?|salwars?|patialas?"
        r"|three\s+fourths|3/4)\b"),
    "has_other_innerwear": ({"innerwear": "Other"},
        r"\b(?:bras?|trunks?|boxers?|camisoles?|hipsters?|bikini|panty|shapewear|thong)\b"),
    "has_briefs": ({"innerwear": "Briefs"}, r"\b(?:bri?ei?fs?|v-brief|hipsters?|bikini)\b"),
    "has_vest": ({"innerwear": "Innerwear Vests"}, r"\b(?:innerwear\s+vests?|vests?|gym\s+vest)\b"),
    "innerwear_brand": ({"apparel": "Innerwear"},
        r"\b(?:hanes|jockey|chromozome|undercolors|facit|enamor|bwitch|amante|beyouty"
        r"|fruit\s+of\s+the\s+loom|calvin\s+klein\s+underwear|playboy\s+men\s+brief)\b"),
    "has_innerwear": ({"apparel": "Innerwear"},
        r"\b(?:innerwear|bri?ei?fs?|bras?|trunks?|boxers?|vests?|lingerie)\b"),
    "has_other_apparel": ({"apparel": "Other"},
        r"\b(?:dress(?:es)?|night\s?dress|sar(?:i|ee)s?|pyjamas?|lounge|track\s?suits?|kidswear"
        r"|salwar\s+suit|babydoll|swim\w*|bath\s?robe|night\s?(?:suit|wear)|saloppette|kaftan)\b"),
    "has_bottom": ({"apparel": "Bottomwear"},
        r"\b(?:jeans|trousers?|shorts|pants?|skirts?|leggings?|capris?|churidar|bermudas?|chinos?)\b"),
    "top_detail": ({"apparel": "Topwear"},
        r"\b(?:striped?s?|check(?:s|ed)?|printed|polo|sleeves?|full\s+sleeve|collar|neck|slim\s+fit"
        r"|graphic|stripes)\b(?!.*\b(?:socks?|wallets?|ties?|mufflers?|bags?|caps?|belts?|briefs?|dress"
        r"|trousers?|shorts)\b)"),
    "shirt_brand": ({"apparel": "Topwear"},
        r"\b(?:scullers|mark\s+taylor|reid\s+&\s+taylor|indigo\s+nation|highlander|tantra|inkfruit"
        r"|mr\.?\s?men|chimp|myntra|sher\s+singh|john\s+miller|basics|genesis|taylor)\b"),
    "kurta_brand": ({"topwear": "Kurtas", "usage": "Ethnic"},
        r"\b(?:aurelia|fabindia|vishudh|visudh|mother\s+earth|diva|aneri|shree|bibas?|jhuti)\b|^w\s+women"),
    "casual_shoe_word": ({"shoes": "Casual Shoes"},
        r"\b(?:casual\s+shoes?|sneakers?|loafers?|canvas\s+shoes?|converse|vans|moccasins?|half\s+cab)\b"),
    "sports_shoe_word": ({"shoes": "Sports Shoes"},
        r"\b(?:sports?|running|training|tennis|trail|gel|cricket|football|badminton|court)\b.*\bshoes?\b"
        rf"|\b(?:{SPORTS_BRAND})\b(?!.*casual).*\bshoes?\b"),
    "formal_shoe_word": ({"shoes": "Formal Shoes"},
        r"\b(?:formal|oxford|derby|brogues?|monk|wingtip|lace-up)\b.*(?:\bshoes?\b"
        r"|$)(?<!shirt)(?<!shirts)(?<!trousers)(?<!tie)"),
    "heel_word": ({"shoes": "Heels", "gender": "Women"},
        r"\b(?:heels?|wedges?|stilettos?|pumps|peep\s+toes?|platforms|open\s+toe)\b"),
    "flat_word": ({"shoes": "Flats", "gender": "Women"},
        r"\b(?:flats?|ballerinas?|bellies|mojaris?)\b(?!.*\b(?:knit|front)\b)"),
    "shoe_word": ({"footwear": "Shoes"}, r"\b(?:shoes?|sneakers?|boots?|loafers?|booties)\b"),
    "sandal_word": ({"footwear": "Sandal"}, r"\b(?:sandals?|floaters?|clogs|gladiators?)\b"),
    "flip_flop_word": ({"footwear": "Flip Flops"}, r"\b(?:flip|flops?|slippers?|thongs?)\b"),
    "footwear_brand": ({"category": "Footwear"},
        r"\b(?:catwalk|rocia|enroute|carlton\s+london|franco\s+leone|clarks|rockport|skechers|crocs"
        r"|timberland|vans|converse|red\s?tape|numero\s+uno|lee\s+cooper|ganuchi|buckaroo|inc\.?\s+5"
        r"|cobblerz|id\s+men|homme|senorita|hush\s+puppies|gliders|footloose|portland|ruosh|florsheim"
        r"|cat\s+men)\b"),
    "footwear_word": ({"category": "Footwear"},
        r"\b(?:shoes?|sandals?|flip|slippers?|flats|heels|sole|floaters?|boots?|sneakers?|loafers?)\b"),
    "bag_brand": ({"accessories": "Bags"},
        r"\b(?:baggit|lino\s+perros|murcia|kiara|skybags|wildcraft|belkin|american\s+tourister|hidesign"
        r"|spice\s+art|jansport|samsonite|f\s*gear)\b"),
    "bag_word": ({"accessories": "Bags"},
        r"\b(?:bags?|hand\s?bags?|back\s?packs?|clutch(?:es)?|laptop|messenger|duffle|duffel|rucksack"
        r"|trolley|sling|sleeve\s+\d+|tote|satchel)\b"),
    "handbag_brand": ({"bags": "Handbags", "gender": "Women"},
        r"\b(?:baggit|lino\s+perros\s+women|murcia|kiara|hidesign\s+women)\b(?!.*\b(?:wallet|clutch)\b)"),
    "backpack_word": ({"bags": "Backpacks"}, r"\b(?:back\s?packs?|rucksacks?|school\s+bag|laptop\s+back)"),
    "other_bag": ({"bags": "Other"},
        r"\b(?:clutch(?:es)?|duffle|duffel|laptop\s+(?:bag|sleeve)|messenger|mobile\s+pouch|pouch|trolley"
        r"|sling\s+bag|gym\s+bag|sleeve|toploader|tablet|potli|waist)\b"),
    "watch_word": ({"accessories": "Watches"},
        r"\b(?:dials?|chronograph|analog(?:ue)?|digital|wrist|straps?)\b"),
    "watch_brand": ({"accessories": "Watches"},
        r"\b(?:casio|fossil|titan|q&q|timex|citizen|enticer|maxima|sonata|esprit\s+\w+\s+(?:black|white"
        r"|silver)\s+dial|tommy\s+hilfiger\s+\w+\s+watch|carrera)\b"),
    "eyewear_word": ({"accessories": "Eyewear"},
        r"\b(?:sun\s?glass(?:es)?|eyewear|frames?|aviators?|wayfarers?|lens|idee|polaroid)\b"),
    "wallet_word": ({"accessories": "Wallets"},
        r"\b(?:wallets?|card\s+holder|passport\s+holder|bi-?fold|money\s+clip)\b"),
    "belt_word": ({"accessories": "Belts"}, r"\b(?:belts?|reversible|buckles?)\b"),
    "sock_word": ({"accessories": "Socks"}, r"\b(?:socks?|booties|ankle\s+length)\b"),
    "head_word": ({"accessories": "Headwear"},
        r"\b(?:caps?(?!\s+sleeve)|hats?|beanies?|headbands?|bandanas?|visors?)\b"),
    "tie_word": ({"accessories": "Ties", "gender": "Men"}, r"\b(?:neck)?ties?\b|\btie\+cufflink"),
    "jewel_word": ({"accessories": "Jewellery"},
        r"\b(?:earrings?|necklaces?|pendants?|rings?|bracelets?|bangles?|jewel\w*|royal\s+diadem"
        r"|gold\s+plated)\b"),
    "other_accessory": ({"accessories": "Other"},
        r"\b(?:muffl\w+|scarf|scarves|scarvf|stoles?|cufflinks?|gloves?|mittens|umbrellas?|suspenders"
        r"|wristbands?|water\s+bottle|accessor\w+|key\s+chain|gift\s+set|combo)\b"),
    "accessory_word": ({"category": "Accessories"},
        r"\b(?:wallets?|belts?|bags?|watch(?:es)?|sunglasses|socks?|ties?|caps?|leather(?:ette)?|buckle"
        r"|dial|strap|silver|mufflers?|scarf)\b(?!.*\b(?:shoes?|sandals?|jacket|heels|flats)\b)"),
    "care_word": ({"category": "Personal Care"},
        r"\b(?:perfumes?|deo(?:dorant)?s?|lip(?:stick|color|\s+\w+)?|nail|eye\s?liner|eye\s+pencil|kajal"
        r"|mascara|foundation|fragrance|eau\s+de|cleanser|toner|cream(?!\s+(?:shirt|tshirt|t-shirt|top"
        r"|kurta|trouser|handbag|printed))|lotion|face|blush|compact|concealer|sun\s+block|spray)\b"),
    "care_brand": ({"category": "Personal Care"},
        r"\b(?:lakme|colorbar|revlon|lotus\s+herbals|david\s+beckham|deborah|rasasi|streetwear|f5"
        r"|perry\s+ellis|4711|nina\s+ricci|police\s+men\s+deo|taylor\s+of\s+london)\b"),
    "apparel_word": ({"category": "Apparel"},
        r"\b(?:shirts?|t-?\s?shirts?|tops?|kurtas?|kurtis?|jeans|trousers?|shorts|sweaters?|jackets?"
        r"|sweatshirts?|briefs?|vests?|dress(?:es)?|skirts?|pants?|innerwear|leggings|sar(?:i|ee)|cotton"
        r"|kidswear)\b"),
    "apparel_brand": ({"category": "Apparel"},
        r"\b(?:united\s+colors\s+of\s+benetton|wrangler|levi'?s|lee|spykar|locomotive|gini\s+and\s+jony"
        r"|palm\s+tree|doodle|flying\s+machine|jealous\s+21|u\.s\.\s+polo|s\.oliver|manchester\s+united"
        r"|tokyo\s+talkies|chhota\s+bheem|ant|femella|proline|french\s+connection|crusoe|urban\s+yoga"
        r"|probase)\b(?!.*\b(?:shoes?|belt|wallet|bag|handbag|socks|sunglasses|tie|cap|flip|watch)s?\b)"),
    # For whom
    "says_men": ({"gender": "Men"}, r"\bmen'?s?\b|\bmencasual\b"),
    "says_women": ({"gender": "Women"}, r"\b(?:women'?s?|woman|wmns|ladies|lady|her)\b"),
    "says_unisex": ({"gender": "Unisex"}, r"\bunisex\b"),
    "says_boys": ({"gender": "Boys"}, r"\bboy'?s?\b"),
    "says_girls": ({"gender": "Girls"}, r"\bgirl'?s?\b"),
    "for_boys": ({"gender": "Boys"},
        r"\b(?:kids|infant|teen)\b(?!.*girl).*\b(?:boy|shirt|jeans|cartoon|shorts|blue)|\bchhota\s+bheem\b"
        r"|\bspider-?man\b"),
    "for_girls": ({"gender": "Girls"},
        r"\b(?:kids|infant|teen)\b(?!.*boy).*\b(?:girl|pink|dress|skirt|top|princess)|\bbarbie\b"),
    "womens_garment": ({"gender": "Women"},
        r"\b(?:kurtis?|sar(?:i|ee)s?|dupatta|bra|skirts?|leggings|tunics?|handbags?|clutch|earrings?"
        r"|necklace|lip\w*|nail|stockings|camisole|dress|tops)\b"),
    "mens_garment": ({"gender": "Men"},
        r"\b(?:ties?|cufflinks?|trunks?|boxers?|formal\s+(?:shirts?|shoes?)|v-brief|(?<!t-)shirts?)\b"),
    "womens_brand": ({"gender": "Women"},
        r"\b(?:baggit|lino\s+perros|catwalk|rocia|enroute|aurelia|vishudh|jealous\s+21|tokyo\s+talkies"
        r"|femella|murcia|kiara|beyouty|celine\s+dion|lakme|colorbar|avirate|mother\s+earth)\b"),
    "mens_brand": ({"gender": "Men"},
        r"\b(?:scullers|mark\s+taylor|reid\s+&\s+taylor|peter\s+england|indigo\s+nation|highlander|turtle"
        r"|belmonte|franco\s+leone|genesis|locomotive|john\s+miller|spykar|chromozome|red\s+tape"
        r"|park\s+avenue|facit|taylor|arrow(?!\s+woman))\b"),
    "unisex_things": ({"gender": "Unisex"},
        r"\b(?:caps?|back\s?packs?|laptop|headbands?|umbrellas?|football|wristbands?|beanies?)\b"),
    # For what
    "says_casual": ({"usage": "Casual"}, r"\bcasual\b"),
    "says_formal": ({"usage": "Formal"}, r"\bformal\b"),
    "says_sports": ({"usage": "Sports"},
        r"\b(?:sports?|running|training|gym|football|cricket|tennis|track|yoga|dri-?fit|dry|jerseys?"
        r"|swim\w*|racer|fitness)\b"),
    "says_ethnic": ({"usage": "Ethnic"},
        r"\b(?:ethnic|kurtas?|kurtis?|sar(?:i|ee)s?|salwar|churidar|dupatta|patiala|tunic|jhuti)\b"),
    "sports_brand": ({"usage": "Sports"}, rf"\b(?:{SPORTS_BRAND})\b"),
    "formal_things": ({"usage": "Formal"},
        r"\b(?:ties?|cufflinks?|trousers?|oxford|waistcoat|blazer|suits?)\b"),
    "formal_brand": ({"usage": "Formal"},
        r"\b(?:arrow(?!\s+sport)|peter\s+england|park\s+avenue|van\s+heusen|louis\s+philippe|john\s+miller"
        r"|raymond|genesis)\b"),
    "casual_things": ({"usage": "Casual"},
        r"\b(?:t-?\s?shirts?|tshirts?|tops?|jeans|flip|slippers?|handbags?|wallets?|watch(?:es)?"
        r"|sunglasses|shorts|sweaters?|sweatshirts?|belts?|flats|heels|briefs?|backpacks?)\b"),
    "casual_shirt": ({"usage": "Casual"}, r"\b(?:check(?:s|ed)?|striped?s?|printed|washed|solid)\b"),
    "casual_brand": ({"usage": "Casual"},
        r"\b(?:united\s+colors\s+of\s+benetton|wrangler|levi'?s|lee|spykar|locomotive|flying\s+machine"
        r"|jealous\s+21|u\.s\.\s+polo|scullers|highlander|basics|catwalk|baggit|fastrack|mark\s+taylor)\b"),
}  # fmt: skip

# A cue that answers several questions is one function.
FUNCTIONS = [lw.regex_lf(name, f"(?i){pattern}", votes) for name, (votes, pattern) in CUES.items()]
