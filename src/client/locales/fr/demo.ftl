demo-intro =
    Les Amis du Lac mettent leur nom de domaine sous séquestre. Tout ce qui suit se passe vraiment : un serveur, des
    connexions chiffrées, un disque. Sept gardien·nes détiennent les parts des clés ; le technicien tient le serveur et y a tous les droits.
demo-end =

    Tout s'est passé comme annoncé, en { $seconds } secondes.
demo-kept = Tous les fichiers sont dans { $path }.
demo-reason = renouveler le nom de domaine
demo-denial = pas encore convaincu
demo-daemon = { $name }, le technicien, démarre le serveur.
demo-daemon-done = Il répond à { $address } et a affiché un code qui permet une fondation.
demo-found = { $name } fonde l'association et invite les autres.
demo-found-done = { $count } invitations écrites ; seules les personnes qui les tiennent peuvent s'en servir, une fois chacune.
demo-join = Chacun·e rejoint depuis son ordinateur : une clé personnelle avec phrase secrète et 24 mots, et une clé pour l'ordinateur.
demo-join-done = { $count } personnes sont arrivées. La copie volée d'une invitation déjà utilisée a été refusée.
demo-charter = { $name } propose la charte. { $absent } n'est jamais venue : la proposition attend, puis continue sans elle.
demo-charter-done = Tout le monde lit le code de la charte à haute voix et entend le même : { $code }
demo-sign = Les gardien·nes signent la charte, les autres en prennent acte.
demo-sign-done = En vigueur à la dernière des { $trustees } signatures : { $everyday } sur { $trustees } ouvrent le courant, { $vital } sur { $trustees } le vital.
demo-deposit = { $name } dépose le compte « { $label } » et en oublie la clé.
demo-deposit-done = { $confirmed } gardien·nes sur 7 ont ouvert leur part de la clé, l'ont comparée au journal et l'y ont confirmée.
demo-request = { $name } demande « { $label } » pour une heure : « { $reason } ».
demo-request-done = La boîte de réception de chaque gardien·ne dit : { $inbox }
demo-approve = { $first } refuse, { $second } et { $third } acceptent.
demo-approve-done = Avec { $second } seule, rien ne s'est ouvert. Avec { $third }, l'accord est complet.
demo-show = L'ordinateur de { $name } retire les deux parts, reconstitue la clé et ouvre.
demo-show-done = Le mot de passe est « { $password } » ; encore { $left }.
demo-return = { $name } rend l'accès plus tôt.
demo-return-done = Il ne peut plus être montré, et « { $label } » est marqué : ce mot de passe est à changer, car quelqu'un le connaît.
demo-refusals = { $technician } (technicien), { $mediator } (médiatrice) et { $member } (membre) essaient d'accepter une demande ; un gardien essaie d'accepter deux fois.
demo-refusals-done = Tout est refusé, déjà par leurs propres programmes, et par les mêmes règles sur le serveur.
demo-revoke = { $name } obtient l'accès, et { $trustee } y met fin.
demo-revoke-done = Il a pris fin aussitôt, et « { $label } » est à changer tout de suite.
demo-rotate = { $name } change le mot de passe chez le registraire et dépose le nouveau.
demo-rotate-done = La version { $version } est sous séquestre ; plus rien n'est à changer.
demo-technician = { $name } use de ses droits de technicien et lit tous les fichiers du serveur.
demo-technician-done = { $kilobytes } Kio lus : aucun des deux mots de passe n'y est.
demo-mediator = { $name }, la médiatrice, exporte le journal et le vérifie sans le serveur.
demo-mediator-done = Les { $entries } entrées tiennent : chaque signature, et que chaque acte était permis.
demo-restore = { $name } a perdu son ordinateur et revient avec ses 24 mots sur un nouveau.
demo-restore-done = Reconnue comme { $name }, le journal entier de { $entries } entrées vérifié.
demo-tamper = { $name } modifie une entrée dans la base du serveur, avant que { $victim } ne l'ait vue.
demo-tamper-done = L'ordinateur de { $victim } s'en aperçoit : « { $told } »
failed-not-empty = { $path } n'est pas vide. Choisissez un dossier vide ou nouveau.
