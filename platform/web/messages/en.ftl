### Words that every product's pages need.
### The message that the code calls `section.name` is `section-name` here.

## common

common-skip = Skip to content
common-theme = Appearance
common-theme_system = System
common-theme_light = Light
common-theme_dark = Dark

## date

date-long = { $day } { $month } { $year }
date-with_time = { $date }, { $time } UTC
date-m01 = January
date-m02 = February
date-m03 = March
date-m04 = April
date-m05 = May
date-m06 = June
date-m07 = July
date-m08 = August
date-m09 = September
date-m10 = October
date-m11 = November
date-m12 = December
