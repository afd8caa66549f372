### Words that every product's pages need.
### The message that the code calls `section.name` is `section-name` here.

## common

common-skip = Aller au contenu
common-language = Langue
# The name of this file's own language.
common-language_name = Français
common-theme = Apparence
common-theme_system = Système
common-theme_light = Clair
common-theme_dark = Sombre

## date

date-long =
    { $day ->
        [1] 1er { $month } { $year }
       *[other] { $day } { $month } { $year }
    }
date-with_time = { $date } à { $time } UTC
date-m01 = janvier
date-m02 = février
date-m03 = mars
date-m04 = avril
date-m05 = mai
date-m06 = juin
date-m07 = juillet
date-m08 = août
date-m09 = septembre
date-m10 = octobre
date-m11 = novembre
date-m12 = décembre
date-s01 = janv.
date-s02 = févr.
date-s03 = mars
date-s04 = avr.
date-s05 = mai
date-s06 = juin
date-s07 = juil.
date-s08 = août
date-s09 = sept.
date-s10 = oct.
date-s11 = nov.
date-s12 = déc.
